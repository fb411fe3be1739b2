# A unittest suite that runs in the program: setUp, subTest, a skip, assertRaises, expected failure.
import io
import unittest


def divide(a, b):
    return a / b


class Tests(unittest.TestCase):
    def setUp(self):
        self.value = 4

    def tearDown(self):
        self.value = None

    def test_divide(self):
        self.assertEqual(divide(self.value, 2), 2)

    def test_raises(self):
        with self.assertRaises(ZeroDivisionError):
            divide(1, 0)

    def test_sub(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertLess(i, 5)

    @unittest.skip("not today")
    def test_skipped(self):
        pass

    @unittest.expectedFailure
    def test_expected(self):
        self.assertEqual(divide(1, 2), 3)


suite = unittest.defaultTestLoader.loadTestsFromTestCase(Tests)
result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
print(result.testsRun, len(result.skipped), len(result.expectedFailures), result.wasSuccessful())
