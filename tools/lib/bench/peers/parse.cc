// Reads a session from its plain JSON file and parses it with simdjson: what reading one from a store is compared with.
//
//     parse FILE ROUNDS        prints the microseconds of each round, and how many messages there were
#include <simdjson.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

int main(int count, char **words) {
    if (count != 3) {
        fprintf(stderr, "Usage: parse FILE ROUNDS\n");
        return 64;
    }
    simdjson::dom::parser parser;
    size_t messages = 0, bytes = 0;
    for (int round = 0; round < atoi(words[2]); round++) {
        auto then = std::chrono::steady_clock::now();
        simdjson::dom::array list;
        if (parser.load(words[1])["messages"].get(list) != simdjson::SUCCESS) return 65;
        messages = bytes = 0;
        for (simdjson::dom::element message : list) {
            std::string_view role;
            if (message["role"].get(role) == simdjson::SUCCESS) bytes += role.size();
            messages += 1;
        }
        std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - then;
        printf("%.1f ", took.count());
    }
    printf("%zu\n", messages);
    return bytes == 0;
}
