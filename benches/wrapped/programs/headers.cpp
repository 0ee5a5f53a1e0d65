// Standard headers, and enough templates of them to keep a compiler busy; with QUICK, fewer.
#include <map>
#include <string>
#include <vector>

#ifndef QUICK
#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <sstream>
#include <tuple>
#include <unordered_map>
#include <variant>

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

static int work(int count) {
    Record<8> record;
    record.fields["x"].emplace_back(count, 1.5, "y");
    std::unordered_map<std::string, std::set<int>> index;
    for (char letter : record.text())
        index[std::string(1, letter)].insert(letter + count);
    int total = 0;
    for (const auto &[word, places] : index)
        total += std::accumulate(places.begin(), places.end(), 0);
    std::vector<std::function<int(int)>> steps;
    for (int n = 0; n < 10; n++)
        steps.push_back([n](int x) { return x + n; });
    for (const auto &step : steps)
        total = step(total);
    std::cout << total << "\n";
    return total;
}
#else
static int work(int count) {
    std::map<std::string, std::vector<int>> index;
    index[std::to_string(count)].push_back(count);
    return static_cast<int>(index.size());
}
#endif

int main(int argc, char **) { return work(argc) < 0; }
