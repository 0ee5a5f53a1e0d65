#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <vector>

int main() {
    std::map<std::string, std::vector<int>> words;
    for (int i = 0; i < 5000; i++) {
        words["word" + std::to_string(i % 313)].push_back(i);
    }
    std::regex ends_in_seven{".*7$"};
    auto sevens = std::count_if(words.begin(), words.end(), [&](const auto &entry) {
        return std::regex_match(entry.first, ends_in_seven);
    });
    std::cout << words.size() << ' ' << sevens << std::endl;
    return 3;
}
