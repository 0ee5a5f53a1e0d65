// Things of C++ that allocate: strings, containers, closures, coroutines; and calls through
// tables of virtual functions, with their adjusting thunks.

#include <algorithm>
#include <array>
#include <coroutine>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

#include "host.hpp"

namespace {

std::string word(walk *here) {
    return std::string(1 + the_host->below(here, 60), char('a' + the_host->below(here, 26)));
}

} // namespace

extern "C" {

NODE(map) {
    Inside inside(__func__);
    std::map<std::string, std::vector<size_t>> words;
    for (size_t i = 0; i < 6; i++) {
        words[word(walk)].push_back(i);
        if (i % 3 == 0)
            the_host->step(walk);
    }
    words.erase(words.begin());
    auto copy = words;
    touch(&copy);
}

NODE(hash_map) {
    Inside inside(__func__);
    std::unordered_map<std::string, std::list<std::string>> lists;
    for (size_t i = 0; i < 6; i++)
        lists[word(walk)].push_back(word(walk));
    the_host->step(walk);
    lists.rehash(100);
}

NODE(stream) {
    Inside inside(__func__);
    std::ostringstream out;
    out << "about " << the_host->below(walk, 1000) << " of " << 1.5 << word(walk);
    the_host->step(walk);
    std::string text = out.str() + word(walk);
    touch(&text);
}

// The library's frames between, and a comparison that goes anywhere.
NODE(sorted) {
    Inside inside(__func__);
    std::vector<std::string> words;
    for (size_t i = 0; i < 5; i++)
        words.push_back(word(walk));
    std::stable_sort(words.begin(), words.end(), [walk](const auto &one, const auto &other) {
        if (the_host->below(walk, 5) == 0)
            the_host->step(walk);
        return one < other;
    });
    touch(&words);
}

NODE(closures) {
    Inside inside(__func__);
    std::array<size_t, 20> much{};
    std::function<void(size_t)> call = [walk, much](size_t depth) {
        touch(const_cast<size_t *>(much.data()));
        the_host->step(walk);
        if (depth > 0) {
            std::function<void()> deeper = [walk, much] { the_host->step(walk); };
            deeper();
        }
    };
    call(the_host->below(walk, 2));
}

} // extern "C"

namespace {

struct Base {
    virtual ~Base() = default;
    virtual void visit(walk *here) = 0;
    size_t number = 1;
};

struct Left : virtual Base {
    std::string text = "left, and long enough for a block of its own";
    void visit(walk *here) override { the_host->step(here); }
};

struct Right : virtual Base {
    std::string text = "right, and long enough for a block of its own";
    virtual void other(walk *here) { the_host->step(here); }
};

struct Both : Left, Right {
    __attribute__((noipa)) void visit(walk *here) override {
        the_host->step(here);
        Left::visit(here);
    }
    __attribute__((noipa)) void other(walk *here) override {
        visit(here);
        the_host->step(here);
    }
};

// Suspends by returning to whoever resumed it; its frame is a block.
struct Task {
    struct promise_type {
        Task get_return_object() {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::abort(); }
    };
    std::coroutine_handle<promise_type> handle;
};

__attribute__((noipa)) Task coroutine(walk *here) {
    std::string text = word(here);
    the_host->step(here);
    co_await std::suspend_always();
    text += word(here);
    the_host->step(here);
    co_await std::suspend_always();
    touch(&text);
    the_host->step(here);
}

__attribute__((noipa)) void resume(Task task) {
    if (!task.handle.done())
        task.handle.resume();
}

} // namespace

extern "C" {

NODE(virtuals) {
    Inside inside(__func__);
    std::unique_ptr<Base> object = std::make_unique<Both>();
    object->visit(walk);
    Right *right = dynamic_cast<Right *>(object.get());
    right->other(walk);
}

NODE(coroutine) {
    Inside inside(__func__);
    Task task = coroutine(walk);
    task.handle.resume();
    resume(task);
    the_host->step(walk);
    if (the_host->below(walk, 2) == 0)
        resume(task);
    task.handle.destroy();
}

static const struct node nodes[] = {
    {NODE_NAME(map), 4 << 10},      {NODE_NAME(hash_map), 4 << 10}, {NODE_NAME(stream), 4 << 10},
    {NODE_NAME(sorted), 4 << 10},   {NODE_NAME(closures), 4 << 10}, {NODE_NAME(virtuals), 4 << 10},
    {NODE_NAME(coroutine), 4 << 10}, {nullptr, 0},
};

const struct node *native_start(const struct host *offered) {
    the_host = offered;
    return nodes;
}
}
