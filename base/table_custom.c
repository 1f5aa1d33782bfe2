/*
 * The columns of a custom resource, by its definition. Cells are what kube-apiserver makes of them: a value
 * that is not there, or of another type than the column, is null.
 */

#include "base/table_internal.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_path.h"
#include "base/mem.h"

#define COLUMNS_MAX 64

struct table_custom {
    struct table table;
    cJSON *definition; /* that the columns' texts are in */
    char **helps;      /* those that were made; NULL where the definition has one */
    struct table_column columns[];
};

/* ---- cells ---- */

static void absent(struct table_cell *cell)
{
    cell->absent = true;
}

static bool is_number(struct slice value)
{
    return value.len && (value.data[0] == '-' || isdigit((unsigned char)value.data[0]));
}

static void cell_custom_text(struct table_cell *cell)
{
    struct slice value = json_path_first(cell->object->text, cell->path);
    if (!value.data || slice_equal(value, "null"))
        absent(cell);
    else
        cell_append(cell, json_unquote(value));
}

static void cell_custom_integer(struct table_cell *cell)
{
    struct slice value = json_path_first(cell->object->text, cell->path);
    cell->literal = true;
    if (is_number(value))
        buf_appendf(cell->out, "%" PRId64, slice_number(value, 0));
    else
        absent(cell);
}

static void cell_custom_number(struct table_cell *cell)
{
    struct slice value = json_path_first(cell->object->text, cell->path);
    cell->literal = true;
    if (is_number(value))
        cell_append(cell, value);
    else
        absent(cell);
}

static void cell_custom_boolean(struct table_cell *cell)
{
    struct slice value = json_path_first(cell->object->text, cell->path);
    cell->literal = true;
    if (slice_equal(value, "true") || slice_equal(value, "false"))
        cell_append(cell, value);
    else
        absent(cell);
}

static void cell_custom_date(struct table_cell *cell)
{
    struct slice value = json_path_first(cell->object->text, cell->path);
    int64_t then = table_time(json_unquote(value));
    if (!value.len || value.data[0] != '"')
        absent(cell);
    else if (then < 0)
        cell_text(cell, "<invalid>");
    else
        table_duration(cell->now_us / 1000000 - then, cell->out);
}

/* ---- columns ---- */

static const struct {
    const char *type;
    void (*print)(struct table_cell *cell);
} types[] = {
    {"string", cell_custom_text},     {"integer", cell_custom_integer}, {"number", cell_custom_number},
    {"boolean", cell_custom_boolean}, {"date", cell_custom_date},
};

static const char *text_of(const cJSON *column, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(column, name));
    return text ? text : "";
}

/* One that no API server would take is left out. */
static void add_column(struct table_custom *custom, const cJSON *json)
{
    struct table_column *column = &custom->columns[custom->table.count];
    const cJSON *priority = cJSON_GetObjectItemCaseSensitive(json, "priority");
    *column = (struct table_column){.name = text_of(json, "name"),
                                    .format = text_of(json, "format"),
                                    .help = text_of(json, "description"),
                                    .priority = cJSON_IsNumber(priority) ? priority->valueint : 0,
                                    .path = text_of(json, "jsonPath")};
    for (size_t i = 0; i < array_size(types); i++)
        if (!strcmp(text_of(json, "type"), types[i].type)) {
            column->type = types[i].type;
            column->print = types[i].print;
        }
    if (!column->name[0] || !column->print)
        return;
    if (!column->help[0])
        column->help = custom->helps[custom->table.count] =
            mem_printf("Custom resource definition column (in JSONPath format): %s", column->path);
    custom->table.count++;
}

struct table *table_custom_create(struct slice columns)
{
    static const struct table_column fixed[] = {NAME_COLUMN, AGE_COLUMN};
    cJSON *definition = columns.len ? cJSON_ParseWithLength(columns.data, columns.len) : NULL;
    struct table_custom *custom =
        mem_zalloc(sizeof(*custom) + (COLUMNS_MAX + 1) * sizeof(custom->columns[0]));
    const cJSON *column;
    custom->definition = definition;
    custom->helps = mem_zalloc((COLUMNS_MAX + 1) * sizeof(*custom->helps));
    custom->table = (struct table){.group = "", .kind = "", .columns = custom->columns, .count = 1};
    custom->columns[0] = fixed[0];
    cJSON_ArrayForEach(column, definition)
    {
        if (custom->table.count <= COLUMNS_MAX)
            add_column(custom, column);
    }
    if (custom->table.count == 1)
        custom->columns[custom->table.count++] = fixed[1];
    return &custom->table;
}

void table_custom_destroy(struct table *table)
{
    struct table_custom *custom = (struct table_custom *)table; /* its first member */
    if (!custom)
        return;
    for (size_t i = 0; i <= COLUMNS_MAX; i++)
        free(custom->helps[i]);
    free(custom->helps);
    cJSON_Delete(custom->definition);
    free(custom);
}
