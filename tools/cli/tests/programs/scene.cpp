// Sprites that come and go, and events that nobody deletes: behind a template that makes both,
// constructors, and an operator new of the program's own.
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

static void *tracked(std::size_t size) {
    void *block = std::malloc(size);
    if (block == nullptr) {
        std::abort();
    }
    return block;
}

void *operator new(std::size_t size) { return tracked(size); }
void operator delete(void *block) noexcept { std::free(block); }
void operator delete(void *block, std::size_t) noexcept { std::free(block); }

namespace engine {
template <class T> struct Pool {
    template <class... A> T *create(A... of) { return new T(of...); }
};

struct Sprite {
    std::vector<int> pixels;
    explicit Sprite(int size) : pixels(size) {}
};

struct Event {
    int at;
    std::vector<int> values;
    Event(int at, int count) : at(at), values(count) {}
};

class Scene {
    Pool<Sprite> sprites;
    Pool<Event> events;

  public:
    void draw(int at) { std::unique_ptr<Sprite> sprite(sprites.create(64 + at % 2)); }
    Event *on_event(int at) { return events.create(at, 100); }
};
}

int main() {
    static engine::Event *last;
    engine::Scene scene;
    for (int at = 0; at < 500; at++) {
        scene.draw(at);
        if (at % 5 == 0) {
            last = scene.on_event(at);
        }
    }
    return last == nullptr;
}
