#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"

/* What a log writes of a warning. The caller frees it. */
static char *warned(struct log log, const char *text)
{
    char *said;
    size_t len;
    log.out = open_memstream(&said, &len);
    log.level = LOG_LEVEL_WARN;
    log_info(&log, "feed", "nothing of that");
    log_warn(&log, "feed", "%s", text);
    fclose(log.out);
    return said;
}

static void a_line_has_time_level_and_part(void **state)
{
    (void)state;
    char *said = warned((struct log){0}, "pods:\n\x1b[2Jgone");
    assert_string_equal(said + strlen("2026-11-21T08:15:45.000Z"), " warn  feed: pods:??[2Jgone\n");
    free(said);
}

static void the_journal_gets_priorities_and_has_the_time(void **state)
{
    (void)state;
    struct log log = {.journal = true};
    char *said = warned(log, "pods: gone");
    assert_string_equal(said, "<4>feed: pods: gone\n");
    free(said);
    assert_string_equal(log_priority(&log, LOG_LEVEL_ERROR), "<3>");
    assert_string_equal(log_priority(&log, LOG_LEVEL_INFO), "<6>");
    assert_string_equal(log_priority(&log, LOG_LEVEL_DEBUG), "<7>");
    assert_string_equal(log_priority(&(struct log){0}, LOG_LEVEL_ERROR), "");
}

static void json_for_the_journal_stays_whole(void **state)
{
    (void)state;
    char *said = warned((struct log){.journal = true, .format = LOG_FORMAT_JSON}, "\"pods\"");
    assert_memory_equal(said, "<4>{\"time\":\"", 12);
    assert_non_null(strstr(said, "\",\"level\":\"warn\",\"part\":\"feed\",\"message\":\"\\\"pods\\\"\"}\n"));
    free(said);
}

/* A program that systemd has started may write elsewhere, and its children do. */
static void only_what_the_environment_names_is_the_journal(void **state)
{
    (void)state;
    FILE *stream = tmpfile(), *other = tmpfile();
    struct stat status;
    assert_int_equal(fstat(fileno(stream), &status), 0);
    char name[64];
    snprintf(name, sizeof(name), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    setenv("JOURNAL_STREAM", name, 1);
    assert_true(log_is_journal(fileno(stream)));
    assert_false(log_is_journal(fileno(other)));
    setenv("JOURNAL_STREAM", "journal", 1);
    assert_false(log_is_journal(fileno(stream)));
    unsetenv("JOURNAL_STREAM");
    assert_false(log_is_journal(fileno(stream)));
    fclose(stream);
    fclose(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_and_part),
        cmocka_unit_test(the_journal_gets_priorities_and_has_the_time),
        cmocka_unit_test(json_for_the_journal_stays_whole),
        cmocka_unit_test(only_what_the_environment_names_is_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
