#include "store/disk_check.h"

#include <inttypes.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "store/disk_file.h"

struct sum {
    UT_hash_handle hh;
    uint64_t id;
    uint64_t count; /* of its objects so far, */
    struct digest root;
    struct record record; /* and what there has to be */
};

struct check {
    FILE *out;
    struct sum *sums;
    uint64_t objects, faults;
};

static int on_stream(void *arg, uint64_t id, const struct record *record)
{
    struct check *check = arg;
    struct sum *sum = mem_zalloc(sizeof(*sum));
    sum->id = id;
    sum->record = *record;
    HASH_ADD(hh, check->sums, id, sizeof(sum->id), sum);
    return 0;
}

/* Its objects go; what they are does not matter. */
static bool is_dropped(const struct sum *sum)
{
    return !sum->record.cluster[0];
}

static void print_stream(FILE *out, const struct record *record)
{
    char resource[GVR_TEXT_MAX];
    fprintf(out, "%s %s", record->cluster, gvr_text(&record->gvr, resource));
}

/* NULL where nothing is wrong. */
static const char *fault_of(const struct disk_row *row)
{
    struct object *object;
    const char *fault = NULL;
    if (object_create(row->bytes.data, row->bytes.len, NULL, &object) != 0)
        return "is no object";
    if (strcmp(object_key(object), row->key) != 0)
        fault = "has another name in it";
    else if (!digest_equal(object_digest(object), row->digest))
        fault = "is not what was written";
    object_unref(object);
    return fault;
}

static int on_object(void *arg, const struct disk_row *row)
{
    struct check *check = arg;
    struct sum *sum;
    HASH_FIND(hh, check->sums, &row->stream, sizeof(row->stream), sum);
    if (sum && is_dropped(sum))
        return 0;
    const char *fault = fault_of(row);
    check->objects++;
    if (sum) {
        sum->count++;
        digest_add(&sum->root, row->digest);
    }
    if (!fault && sum)
        return 0;
    check->faults++;
    if (sum)
        print_stream(check->out, &sum->record);
    fprintf(check->out, "%s%s: %s\n", sum ? " " : "", row->key, fault ? fault : "is of no stream");
    return 0;
}

static void on_fault(void *arg, const char *text)
{
    struct check *check = arg;
    check->faults++;
    fprintf(check->out, "%s\n", text);
}

static void compare(struct check *check, const struct sum *sum)
{
    if (is_dropped(sum))
        return;
    if (sum->record.count == RECORD_BETWEEN) {
        print_stream(check->out, &sum->record);
        fprintf(check->out, ": was being written, and has %" PRIu64 " objects so far\n", sum->count);
        return;
    }
    if (sum->count == sum->record.count && digest_equal(sum->root, sum->record.root))
        return;
    check->faults++;
    print_stream(check->out, &sum->record);
    fprintf(check->out, ": has %" PRIu64 " objects that do not make up the root of the %" PRIu64 " it had\n",
            sum->count, sum->record.count);
}

static int check_all(struct check *check, struct disk_file *file, struct error *err)
{
    int r = disk_file_each_fault(file, on_fault, check, err);
    if (r == 0)
        r = disk_file_each_stream(file, on_stream, check, err);
    if (r == 0)
        r = disk_file_each_object(file, on_object, check, err);
    for (const struct sum *sum = check->sums; r == 0 && sum; sum = sum->hh.next)
        compare(check, sum);
    return r;
}

static int conclude(const struct check *check, const char *path, struct error *err)
{
    fprintf(check->out, "%s: %u streams, %" PRIu64 " objects, %" PRIu64 " faults\n", path,
            HASH_COUNT(check->sums), check->objects, check->faults);
    return check->faults ? error_set(err, EX_DATAERR,
                                     "%s: not all is as it was written (above); a hub leaves out what is "
                                     "wrong, and has it sent again",
                                     path)
                         : 0;
}

int disk_check(const char *path, FILE *out, struct error *err)
{
    struct check check = {.out = out};
    struct disk_file *file;
    struct sum *sum, *next;
    int r = disk_file_open(path, DISK_READ, &file, err);
    if (r != 0)
        return r;
    r = check_all(&check, file, err);
    if (r == 0)
        r = conclude(&check, path, err);
    disk_file_close(file);
    HASH_ITER (hh, check.sums, sum, next) {
        HASH_DEL(check.sums, sum);
        free(sum);
    }
    return r;
}
