import HoldfastCommands

Program.runProcess()
