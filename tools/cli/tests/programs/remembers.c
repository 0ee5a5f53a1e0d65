/* Parses lines into trees, frees them, and forgets the nodes of every third line: behind
 * make_node and checked_alloc, which everybody calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    struct node *left, *right;
    char *text;
};

static void *checked_alloc(size_t size) {
    void *block = malloc(size);
    if (block == NULL) {
        abort();
    }
    return block;
}

static struct node *make_node(const char *text) {
    struct node *node = checked_alloc(sizeof *node);
    node->left = node->right = NULL;
    node->text = checked_alloc(strlen(text) + 1);
    strcpy(node->text, text);
    return node;
}

static void free_node(struct node *node) {
    if (node != NULL) {
        free_node(node->left);
        free_node(node->right);
        free(node->text);
        free(node);
    }
}

static struct node *parse_factor(int depth);

static struct node *parse_term(int depth) {
    struct node *node = make_node("term");
    node->left = parse_factor(depth);
    return node;
}

static struct node *parse_factor(int depth) {
    struct node *node = make_node("factor");
    if (depth > 0) {
        node->left = parse_term(depth - 1);
        node->right = parse_term(depth - 1);
    }
    return node;
}

static struct node *remembered[1000];

static void remember_line(int line, const char *text) {
    remembered[line / 3] = make_node(text);
}

static char *read_line(int number) {
    char *line = checked_alloc(64);
    snprintf(line, 64, "line %04d", number);
    return line;
}

int main(void) {
    for (int number = 0; number < 300; number++) {
        char *line = read_line(number);
        free_node(parse_term(2));
        if (number % 3 == 0) {
            remember_line(number, line);
        }
        free(line);
    }
    return 0;
}
