"""Shows what cells do in the kernel 'Rust (maturation)': a table of cells, and what is expected of each.

Runs in an environment as that of test_kernel.py. The toolchain needs no `rust-src`.
"""

import re
import time
import unittest

from test_kernel import LONG, Kernel

# Cells in order, each with what must be in what it prints or shows; or, behind '!', in its error.
TYPES = [
    ("let v = vec![1.0, 2.0];", ""),
    ("v", "[1.0, 2.0]"),
    ('let run = Run::open("../data/6tasks")?;', ""),
    ("let log = run.log()?;", ""),
    ("log.height()", "2688"),
    ('let (a, mut b) = (1u32, "text".to_string());', ""),
    ("b.push('!'); format!(\"{a} {b}\")", "1 text!"),
    ("let z = 5.5; z", "5.5"),
    ("z * 2.0", "11.0"),
    ("let names: Vec<_> = log.get_column_names().iter().map(|name| name.to_string()).collect();", ""),
    ("names.len()", "7"),
    ("let lengths: Vec<_> = log.get_column_names().iter().map(|name| name.len()).collect();", ""),
    ("lengths[0]", "14"),
    ("let n = 3; let w: u64 = n;", ""),
    ("n + w", "6"),
    ('let map = std::collections::HashMap::from([("a", 1)]);', ""),
    ('let Some(found) = map.get("a").copied() else { panic!("nothing") };', ""),
    ("found", "1"),
    ("let f = |x: f64| x * 2.0;", "!`f` is a closure"),
    ("let boxed: Box<dyn Fn(f64) -> f64> = Box::new(|x| x * 2.0);", ""),
    ("boxed(2.0)", "4.0"),
    ("let open = Vec::new();", "!type annotations needed"),
    ("let zeros = ndarray::Array2::<f64>::zeros((2, 3));", ""),
    ("zeros.slice(ndarray::s![0, ..]).len()", "3"),
    ('let json = serde_json::json!({"a": 1});', ""),
    ('json["a"].as_u64()', "Some(1)"),
    ("let plot = plotly::Plot::new();", ""),
    ("let mut random = rand::rng();", ""),
]

ERRORS = [
    ('let wrong: u64 = "text";', "!line 1"),
    ('let wrong: u64 = "text";', "!mismatched types"),
    ("let kept: u64 = 23;", ""),
    ('\nlet number: i32 = "x".parse()?;', '!line 2: let number: i32 = "x".parse()?;'),
    ('Run::open("no/such/run")?', "!no/such/run"),
    ("let few: Vec<u64> = vec![1];", ""),
    ("let place = 7;\nfew[place]", "!line 2: few[place]"),
    ("few[7]", "!panic: index out of bounds"),
    ("kept", "23"),
    # Words of warning are none of an error's.
    ("let unused = 1; fn never_called() -> i32 { 2 }", ""),
    ('1 + "a"', "!cannot add"),
    # What a cell defines anew and does not get to its end for.
    ('let kept: u64 = "x".parse()?;', "!`kept` is gone"),
    ("let kept: u64 = 5;", ""),
    ("kept", "5"),
    # Types defined anew.
    ("struct P { x: f64 } let p = P { x: 1.5 };", ""),
    ("p.x", "1.5"),
    ("struct P { x: f64 } let p = P { x: 1.5 };", ""),
    ('struct P { x: String } let p = P { x: "long".to_owned() };', ""),
    ("p.x", "long"),
    ("struct P { x: u8 }", "`p` is gone"),
]

PRINTED = [
    ('for number in 0..3 { println!("{number}"); }', "0\n1\n2\n"),
    ('print!("no end");', "no end"),
    ('print!("before "); 5', "before 5"),
    ("for number in 0..3 { }", ""),
]


def plain(text):
    """A text without the colours of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


class Cells(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kernel = Kernel().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.kernel.__exit__()

    def check(self, table):
        for code, expected in table:
            with self.subTest(code):
                cell = self.kernel.run(code)
                shown = cell.words + "".join(str(content) for content in cell.content.values())
                errors = plain(cell.errors)
                self.assertEqual(cell.complaints, "")
                if expected.startswith("!"):
                    self.assertIn(expected[1:], errors)
                    self.assertEqual(cell.status, "error")
                    self.assertNotIn("warning", errors)
                    self.assertNotIn("evcxr", errors)
                    self.assertNotIn("backtrace", errors)
                else:
                    self.assertEqual(errors, "")
                    self.assertEqual(cell.status, "ok")
                    self.assertIn(expected, shown)

    def test_types_of_variables_are_found(self):
        self.check(TYPES)

    def test_errors_say_what_is_wrong_and_where_and_nothing_else_is_lost(self):
        self.check(ERRORS)

    def test_what_is_printed_is_shown(self):
        self.check(PRINTED)
        self.assertEqual(self.kernel.run("for number in 0..3 { }").content, {})

    def test_a_flood_is_cut(self):
        cell = self.kernel.run('for number in 0..200_000 { println!("line {number}"); }')
        self.assertLess(len(cell.words.splitlines()), 2100)
        self.assertIn("lines are not shown", cell.words)
        self.assertTrue(cell.words.endswith("line 199999\n"))
        self.assertLess(len(cell.printed), 200)

    def test_names_are_completed(self):
        self.kernel.run('let shown = vec![1.0]; let text = String::new();')
        for code, expected in [
            ("shown.is_em", "is_empty"),
            ("text.to_upper", "to_uppercase"),
            ('"abc".spli', "split"),
            ('Run::open("../data/6tasks")?.lo', "log"),
            ("use maturation::pre", "prelude"),
        ]:
            with self.subTest(code):
                answer = self.kernel.client.complete(code, reply=True, timeout=60)["content"]
                self.assertTrue(any(match.startswith(expected) for match in answer["matches"]), answer["matches"])

    def test_private_fields_do_not_lead(self):
        self.kernel.run('let shown = Run::shipped()?; let table = shown.log()?;')
        self.kernel.run('struct Mine { gain: f64 }')
        self.kernel.run('let mine = Mine { gain: 2.0 };')
        for code, first in [("shown.", None), ("table.", None), ("mine.", "gain"), ("Hyperparameters::paper().", None)]:
            with self.subTest(code):
                answer = self.kernel.client.complete(code, reply=True, timeout=60)["content"]["matches"]
                if first:
                    self.assertEqual(answer[0], first)
                elif code.startswith("Hyper"):
                    self.assertIn("n_rnn", answer[:80])
                else:
                    self.assertTrue(all("(" in match for match in answer[:5]), answer[:10])

    def test_all_cells_behind_one_that_fails_are_left_out(self):
        client = self.kernel.client
        asked = [client.execute(code) for code in ("let one: u8 = 1;", 'panic!("stop here")', "let two: u8 = 2;", "two")]
        statuses = {}
        while len(statuses) < len(asked):
            reply = client.get_shell_msg(timeout=60)
            statuses[reply["parent_header"]["msg_id"]] = reply["content"]["status"]
        self.assertEqual([statuses[one] for one in asked], ["ok", "error", "aborted", "aborted"])
        self.assertEqual(self.kernel.run("one").content["text/plain"], "1")


class Interrupts(unittest.TestCase):
    """However often and whenever somebody clicks on stop, variables stay."""

    def setUp(self):
        self.kernel = Kernel().__enter__()
        self.kernel.run("let precious: u64 = 17;")

    def tearDown(self):
        cell = self.kernel.run("precious")
        self.kernel.__exit__()
        self.assertEqual(cell.content.get("text/plain"), "17", cell.errors)

    def click(self):
        self.kernel.manager.interrupt_kernel()

    def test_an_idle_kernel_is_not_touched(self):
        for _ in range(3):
            self.click()
        # The next cell comes by another way, and could come first.
        time.sleep(0.5)
        self.assertEqual(self.kernel.run("1 + 1").content["text/plain"], "2")
        # A click that came before it does not end what begins later.
        cell = self.kernel.run("std::thread::sleep(std::time::Duration::from_millis(300)); 5")
        self.assertEqual((cell.status, cell.content["text/plain"]), ("ok", "5"))

    def test_two_clicks_on_what_looks_for_them(self):
        self.kernel.run(LONG)
        clicks = []

        def click(cell):
            if cell.words.count(" a second") >= 1 and not clicks:
                clicks.append(time.monotonic())
                self.click()
                self.click()

        cell = self.kernel.run('training.train(std::env::temp_dir().join(format!("run-{}", std::process::id())))?', click)
        self.assertIn("stopped", cell.errors)
        self.assertLess(time.monotonic() - clicks[0], 10)

    def test_clicks_on_what_does_not_look_for_them_are_answered(self):
        clicks = []

        def click(cell):
            if "begun" in cell.words and len(clicks) < 2:
                clicks.append(time.monotonic())
                self.click()

        code = 'println!("begun"); for _ in 0..60 { std::thread::sleep(std::time::Duration::from_millis(100)); } println!("over");'
        cell = self.kernel.run(code, click)
        self.assertEqual(cell.status, "ok")
        self.assertIn("does not look for interrupts", cell.words)
        self.assertIn("over", cell.words)

    def test_a_compilation_ends(self):
        message = self.kernel.client.execute("let more: Vec<u64> = vec![1];")
        time.sleep(0.15)
        self.click()
        reply = self.kernel.client.get_shell_msg(timeout=60)
        while reply["parent_header"].get("msg_id") != message:
            reply = self.kernel.client.get_shell_msg(timeout=60)
        # It may have been over already.
        self.assertIn(reply["content"].get("ename", "Interrupted"), ["Interrupted"])


if __name__ == "__main__":
    unittest.main()
