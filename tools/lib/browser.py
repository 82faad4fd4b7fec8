"""A headless Chromium, spoken to in its own protocol over two pipes: nothing but the standard library is needed."""

import base64
import json
import os
import shutil
import subprocess
import tempfile

NAMES = ["chromium", "chromium-browser", "google-chrome"]


def find():
    """The browser's path, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Page:
    """One page of a browser of its own, which ends with it. Keeps what the page asks for and complains about."""

    def __init__(self, program):
        self._folder = tempfile.TemporaryDirectory(prefix="holdfast-browser-")
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # The browser reads its commands from descriptor 3 and answers on 4. The copies above keep these two free.
        above = [os.dup2(end, number) for end, number in ((to_browser, 40), (from_browser, 41))]
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
                   "--hide-scrollbars", f"--user-data-dir={self._folder.name}", "about:blank"]
        shell = ["bash", "-c", 'exec "$@" 3<&40 4>&41 40<&- 41>&-', "browser", *command]
        self._process = subprocess.Popen(shell, pass_fds=above, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for end in (to_browser, from_browser, *above):
            os.close(end)
        self._rest = b""
        self._last_id = 0
        self._session = None
        self.requests = []
        self.complaints = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **parameters):
        """Sends a command and waits for its answer."""
        self._last_id += 1
        request = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            request["sessionId"] = self._session
        os.write(self._out, json.dumps(request).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") != self._last_id:
                continue
            if "error" in message:
                raise RuntimeError(f"{method}: {message['error']['message']}")
            return message["result"]

    def _next(self):
        while b"\0" not in self._rest:
            piece = os.read(self._in, 1 << 20)
            if not piece:
                raise RuntimeError("the browser has ended")
            self._rest += piece
        line, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(line)
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(parameters["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(parameters["exceptionDetails"]["text"])
        return message

    def open(self, path, width, scheme):
        """Shows the file `path` in a window of this width, for a reader who likes it `light` or `dark`."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.ask("Page.navigate", url="file://" + os.path.abspath(path))
        while self.value("document.readyState") != "complete":
            pass

    def value(self, expression):
        """What a line of script comes to in the page."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def screenshot(self, path):
        """Takes a picture of the whole page."""
        image = self.ask("Page.captureScreenshot", captureBeyondViewport=True, format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(image))

    def close(self):
        """Ends the browser."""
        os.close(self._out)
        self._process.terminate()
        self._process.wait()
        os.close(self._in)
        self._folder.cleanup()
