// Standard headers, and enough templates of them to keep a compiler busy.
#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N>
struct Record {
    std::map<std::string, std::vector<std::tuple<int, double, std::string>>> fields;
    std::variant<int, std::string, std::optional<double>> value;
    std::shared_ptr<Record<N - 1>> next;

    std::string text() const {
        std::ostringstream out;
        for (const auto &[name, values] : fields)
            for (const auto &[a, b, c] : values)
                out << name << a << b << c;
        std::visit([&](const auto &it) {
            if constexpr (std::is_same_v<std::decay_t<decltype(it)>, std::optional<double>>)
                out << it.value_or(0);
            else
                out << it;
        }, value);
        return next ? out.str() + next->text() : out.str();
    }
};

template <>
struct Record<0> {
    std::string text() const { return "end"; }
};

int main(int argc, char **) {
    Record<24> record;
    record.fields["x"].emplace_back(argc, 1.5, "y");
    std::regex pattern("([a-z]+)([0-9]*)");
    std::unordered_map<std::string, std::set<int>> index;
    std::string text = record.text();
    for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it)
        index[it->str(1)].insert(it->position());
    auto sum = std::async([&] {
        int sum = 0;
        for (const auto &[word, places] : index)
            sum += std::accumulate(places.begin(), places.end(), 0);
        return sum;
    });
    std::mt19937 random(argc);
    std::vector<std::function<int(int)>> steps;
    for (int n = 0; n < 10; n++)
        steps.push_back([n, &random](int x) { return x + n + static_cast<int>(random() % 3); });
    int total = sum.get();
    for (const auto &step : steps)
        total = step(total);
    std::cout << total << "\n";
}
