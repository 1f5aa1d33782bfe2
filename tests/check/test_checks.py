#!/usr/bin/env python3
"""The checks find what they are to find, in small trees made for it."""

import pathlib
import tempfile
import unittest

import layers
import metrics
import sizes


class Tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")


class Layers(Tree):
    def setUp(self):
        super().setUp()
        for header in ["base/a.h", "kube/a.h", "kube/a_internal.h", "store/a.h", "informer/a.h", "hub/a.h", "odd/a.h",
                       "tests/a.h"]:
            self.write(header, "")

    def offences(self, path, include):
        self.write(path, f"/* text */\n#include <stdio.h>\n#include {include}\n")
        return layers.check(self.root)

    def test_down_is_allowed(self):
        for include in ['"base/a.h"', '"kube/a.h"', '"informer/a.h"', '"hub/a.h"']:
            self.assertEqual(self.offences("hub/x.c", include), [])

    def test_up_is_found(self):
        self.assertEqual(self.offences("base/x.h", '"kube/a.h"'), ["base/x.h:3: base includes kube/a.h: kube stands above base"])

    def test_beside_is_found(self):
        self.assertIn("side by side", self.offences("kube/x.c", '"store/a.h"')[0])
        self.assertEqual(len(self.offences("provider/x.c", '"informer/a.h"')), 2)

    def test_not_from_the_root_is_found(self):
        for include in ['"a.h"', '"../kube/a.h"', '"kube/missing.h"', '"kube/../base/a.h"']:
            self.assertIn("start at its root", self.offences("kube/x.c", include)[0])

    def test_foreign_internals_are_found(self):
        self.assertIn("inside kube only", self.offences("hub/x.c", '"kube/a_internal.h"')[0])
        self.assertEqual(self.offences("hub/x.c", '"kube/a.h"'), [])
        self.assertEqual(self.offences("kube/x.c", '"kube/a_internal.h"'), [])

    def test_new_folders_need_a_row(self):
        self.assertIn("is no layer", self.offences("hub/x.c", '"odd/a.h"')[0])

    def test_tests_include_all_and_nobody_includes_tests(self):
        self.assertEqual(self.offences("tests/unit/kube/x.c", '"kube/a_internal.h"'), [])
        self.assertIn("only tests", self.offences("hub/x.c", '"tests/a.h"')[0])


def function(name, lines, static="static "):
    return f"{static}int {name}(int a,\n    int b)\n{{\n" + "    a++;\n" * lines + "}\n\n"


class Sizes(Tree):
    def offences(self):
        return sizes.check(self.root)[0]

    def test_functions_are_found_with_their_sizes(self):
        text = "/* x\n */\nstruct a\n{\n    int b;\n};\n" + function("one", 3) + function("two", 0, "")
        self.assertEqual([(f[0], f[2], f[3]) for f in sizes.functions(text)], [("one", 3, True), ("two", 0, False)])

    def test_a_good_tree_is_good(self):
        self.write("base/a.c", function("a", 15) + function("b", 80) + function("c", 1) * 8)
        self.assertEqual(self.offences(), [])

    def test_a_long_function_is_found(self):
        self.write("base/a.c", function("a", 81) + function("b", 1) * 9)
        self.assertEqual(self.offences(), ["base/a.c:3: a() has 81 lines; at most 80"])

    def test_the_median_is_checked(self):
        self.write("base/a.c", function("a", 16) * 2 + function("b", 1))
        self.assertIn("median", self.offences()[0])

    def test_the_share_of_long_ones_is_checked(self):
        self.write("base/a.c", function("a", 41) * 2 + function("b", 1) * 17)
        self.assertIn("one of ten", self.offences()[0])

    def test_a_long_file_is_found(self):
        self.write("tests/unit/a.c", "\n" * 801)
        self.assertEqual(self.offences(), ["tests/unit/a.c: 801 lines; at most 800"])

    def test_tests_may_be_longer_on_average_but_not_endless(self):
        self.write("tests/unit/a.c", function("a", 60) * 3 + function("main", 100, ""))
        self.assertEqual(self.offences(), [])
        self.write("tests/unit/a.c", function("a", 90))
        self.assertEqual(len(self.offences()), 1)

    def test_main_is_wiring_only(self):
        self.write("hub/main.c", function("helper", 1) + function("main", 1, ""))
        self.assertEqual(self.offences(), [])
        self.write("hub/main.c", function("helper", 1, ""))
        self.assertIn("wiring", self.offences()[0])


class Metrics(Tree):
    def offences(self, *lines, document=None):
        self.write("base/a.c", "static const struct metric a =\n" + "\n".join(lines))
        found = metrics.metrics(self.root)
        return metrics.offences(found, metrics.table(found) if document is None else document)

    def test_names_of_the_field_are_right(self):
        self.assertEqual(self.offences('METRIC_COUNTER("transport_informer_a_bytes_total", "Some \\"of\\" "\n   "them.")',
                                       'METRIC_GAUGE(\n"process_open_fds", "All.")'), [])

    def test_other_names_are_found(self):
        for metric, wrong in [('METRIC_COUNTER("transport_informer_a", "A.")', "ends in _total"),
                              ('METRIC_GAUGE("transport_informer_a_total", "A.")', "ends in _total"),
                              ('METRIC_GAUGE("transport_informer_a_ms", "A.")', "base unit"),
                              ('METRIC_GAUGE("transport_informer_A", "A.")', "lower-case"),
                              ('METRIC_GAUGE("a_b", "A.")', "begins with"),
                              ('METRIC_GAUGE("process_a", "A")', "no sentence")]:
            self.assertEqual(len(self.offences(metric)), 1)
            self.assertIn(wrong, self.offences(metric)[0])

    def test_samples_that_name_what_is_not_there_are_found(self):
        self.write("base/a.c", 'METRIC_GAUGE("transport_informer_a", "A.")')
        self.write("samples/prometheus/alerts.yml", "expr: transport_informer_a == 0 or transport_informer_b > 1")
        self.assertEqual(metrics.sample_offences(metrics.metrics(self.root), self.root),
                         ["samples/prometheus/alerts.yml: transport_informer_b: there is no such metric"])

    def test_one_name_is_of_one_metric(self):
        self.assertIn("another one", self.offences('METRIC_GAUGE("process_a", "A.")', 'METRIC_GAUGE("process_a", "B.")')[0])

    def test_another_table_is_found_and_written_anew(self):
        metric = 'METRIC_GAUGE("process_a", "Some \\"a\\".")'
        self.assertIn("--write", self.offences(metric, document="")[0])
        self.write("docs/metrics.md", f"before\n{metrics.BEGIN}old\n{metrics.END}after\n")
        metrics.write(self.root / "docs/metrics.md", metrics.metrics(self.root))
        document = (self.root / "docs/metrics.md").read_text(encoding="utf-8")
        self.assertEqual(self.offences(metric, document=document), [])
        self.assertIn('| `process_a` | gauge | Some "a". |', document)
        self.assertTrue(document.startswith("before\n") and document.endswith("after\n"))


if __name__ == "__main__":
    unittest.main()
