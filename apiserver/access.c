#include "apiserver/access.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/mem.h"

#define TOKENS_MAX 10000
#define LINE_BYTES 4096

struct grant {
    char *token, *whose;
    uint64_t id; /* the same for the same token */
    enum access_level level;
};

struct grants {
    struct grant *list;
    size_t count;
};

struct access {
    struct log *log;
    struct grants added, read;
    char *path; /* of the file; NULL: none */
    struct stat seen;
    unsigned empty_looks; /* at a file that has no token, and has had some; 0: it has */
    uint64_t changes;     /* of what was read */
};

static void grants_clear(struct grants *grants)
{
    for (size_t i = 0; i < grants->count; i++) {
        explicit_bzero(grants->list[i].token, strlen(grants->list[i].token));
        free(grants->list[i].token);
        free(grants->list[i].whose);
    }
    free(grants->list);
    *grants = (struct grants){0};
}

static void grants_add(struct grants *grants, const char *token, enum access_level level, const char *whose)
{
    grants->list = mem_realloc(grants->list, (grants->count + 1) * sizeof(*grants->list));
    grants->list[grants->count++] =
        (struct grant){mem_strdup(token), mem_strdup(whose), XXH3_64bits(token, strlen(token)), level};
}

/* ---- the file ---- */

static int bad_line(const char *path, unsigned number, const char *why, struct error *err)
{
    return error_set(err, EX_CONFIG, "%s, line %u: %s: a line is TOKEN read-only|read-write [whose]", path,
                     number, why);
}

static int parse_line(struct grants *grants, char *line, const char *path, unsigned number, struct error *err)
{
    char *rest = line;
    const char *token = strtok_r(rest, " \t\r\n", &rest);
    if (!token || token[0] == '#')
        return 0;
    const char *level = strtok_r(NULL, " \t\r\n", &rest);
    bool writes = level && strcmp(level, "read-write") == 0;
    if (!level || (!writes && strcmp(level, "read-only") != 0))
        return bad_line(path, number, "what it is good for is missing or unknown", err);
    if (strlen(token) < ACCESS_TOKEN_MIN)
        return bad_line(path, number, "the token has less than 16 characters", err);
    if (grants->count == TOKENS_MAX)
        return bad_line(path, number, "more than 10000 tokens", err);
    rest += strspn(rest, " \t");
    rest[strcspn(rest, "\r\n")] = '\0';
    grants_add(grants, token, writes ? ACCESS_WRITE : ACCESS_READ, rest[0] ? rest : level);
    return 0;
}

static int parse_file(FILE *file, const char *path, struct grants *out, struct error *err)
{
    char line[LINE_BYTES];
    int r = 0;
    for (unsigned number = 1; r == 0 && fgets(line, sizeof(line), file); number++) {
        if (!strchr(line, '\n') && !feof(file))
            r = bad_line(path, number, "longer than 4 KiB", err);
        else
            r = parse_line(out, line, path, number, err);
    }
    explicit_bzero(line, sizeof(line));
    return r == 0 && ferror(file) ? error_set(err, EX_NOINPUT, "%s: %s", path, strerror(errno)) : r;
}

/* As it is now; the tokens are those from before. */
static int parse(struct access *access, struct grants *out, struct error *err)
{
    FILE *file = fopen(access->path, "re");
    if (!file)
        return error_set(err, EX_NOINPUT, "%s: %s", access->path, strerror(errno));
    fstat(fileno(file), &access->seen);
    int r = parse_file(file, access->path, out, err);
    fclose(file);
    if (r != 0)
        grants_clear(out);
    return r;
}

static void take(struct access *access, struct grants grants)
{
    grants_clear(&access->read);
    access->read = grants;
    access->changes++;
}

static void refresh(struct access *access)
{
    struct error err = {0};
    struct grants grants = {0};
    if (!access->path || !file_changed(access->path, &access->seen))
        return;
    access->empty_looks = 0;
    if (parse(access, &grants, &err) != 0) {
        log_warn(access->log, "access", "%s; the tokens from before stay in force", err.text);
    } else if (grants.count) {
        take(access, grants);
        log_info(access->log, "access", "%s has changed: %zu tokens", access->path, access->read.count);
    } else if (access->read.count) {
        access->empty_looks = 1;
    }
}

uint64_t access_look(struct access *access)
{
    refresh(access);
    if (access->empty_looks && access->empty_looks++ > 1) {
        log_error(access->log, "access", "%s has no token any more: all %zu that were in it are taken back",
                  access->path, access->read.count);
        take(access, (struct grants){0});
        access->empty_looks = 0;
    }
    return access->changes;
}

int access_read(struct access *access, const char *path, struct error *err)
{
    struct grants grants = {0};
    free(access->path);
    access->path = mem_strdup(path);
    int r = parse(access, &grants, err);
    if (r != 0)
        return r;
    if (!grants.count)
        log_warn(access->log, "access", "%s: no token is in it", path);
    take(access, grants);
    return 0;
}

/* ---- tokens ---- */

void access_add(struct access *access, const char *token, enum access_level level, const char *whose)
{
    grants_add(&access->added, token, level, whose);
}

/* Takes as long for one that is wrong in its first character as in its last. */
static bool token_is(const char *token, const char *given, size_t len)
{
    unsigned char differs = strlen(token) != len;
    for (size_t i = 0; token[i]; i++)
        differs |= (unsigned char)(token[i] ^ (i < len ? given[i] : 0));
    return !differs;
}

/* The better one of found and what is among the grants. */
static void find(const struct grants *grants, const char *given, size_t len, const struct grant **found)
{
    for (size_t i = 0; i < grants->count; i++)
        if (token_is(grants->list[i].token, given, len) && grants->list[i].level > (*found)->level)
            *found = &grants->list[i];
}

struct access_right access_of(struct access *access, const char *authorization)
{
    static const struct grant none = {.level = ACCESS_NONE};
    const struct grant *found = &none;
    refresh(access);
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
        return (struct access_right){ACCESS_NONE, "", 0};
    const char *given = authorization + 7 + strspn(authorization + 7, " ");
    size_t len = strcspn(given, " ");
    find(&access->added, given, len, &found);
    find(&access->read, given, len, &found);
    return (struct access_right){found->level, found->whose ? found->whose : "", found->id};
}

static enum access_level level_among(const struct grants *grants, uint64_t id)
{
    enum access_level level = ACCESS_NONE;
    for (size_t i = 0; i < grants->count; i++)
        if (grants->list[i].id == id && grants->list[i].level > level)
            level = grants->list[i].level;
    return level;
}

enum access_level access_still(const struct access *access, uint64_t token)
{
    enum access_level added = level_among(&access->added, token), read = level_among(&access->read, token);
    return added > read ? added : read;
}

struct access *access_create(struct log *log)
{
    struct access *access = mem_zalloc(sizeof(*access));
    access->log = log;
    return access;
}

void access_destroy(struct access *access)
{
    if (!access)
        return;
    grants_clear(&access->added);
    grants_clear(&access->read);
    free(access->path);
    free(access);
}
