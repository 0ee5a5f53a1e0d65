// The vector registers of this processor.
#pragma once

enum { SSE, AVX, AVX512 };

static inline int vectors(void) {
    if (__builtin_cpu_supports("avx512bw")) {
        return AVX512;
    }
    return __builtin_cpu_supports("avx") ? AVX : SSE;
}

// Assembler text: one line for each number.
#define EACH(numbers, line) ".irp r, " numbers "\n" line "\n.endr\n"
#define EIGHT "0, 1, 2, 3, 4, 5, 6, 7"
#define SIXTEEN EIGHT ", 8, 9, 10, 11, 12, 13, 14, 15"
#define UPPER "16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31"
