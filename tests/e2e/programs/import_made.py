# A package that the program writes itself, a zip file of modules, a finder of its own.
import importlib.abc
import importlib.util
import os
import sys
import zipfile

os.makedirs("made/inner")
with open("made/__init__.py", "w") as file:
    file.write("def hello():\n    return 'hello'\n\nfrom .inner import deep\n")
with open("made/inner/__init__.py", "w") as file:
    file.write("def deep():\n    return ('deep', __name__)\n")
with zipfile.ZipFile("mods.zip", "w") as archive:
    archive.writestr("zipped.py", "def inside():\n    return __name__\n")
sys.path[1:1] = [os.getcwd(), os.path.join(os.getcwd(), "mods.zip")]

import made  # noqa: E402
import zipped  # noqa: E402


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name == "invented":
            return importlib.util.spec_from_loader(name, self)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec("def f():\n    return __name__\nanswer = f()", module.__dict__)


sys.meta_path.insert(0, Finder())
import invented  # noqa: E402

print(made.hello(), made.deep(), zipped.inside(), invented.answer)
