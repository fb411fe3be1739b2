# SPDX-License-Identifier: MIT
"""Real programs on a fixed input, each as a function of loops."""

import os
import shutil
import tempfile

SOURCE = '''
import collections


class Account:
    """Somebody's money."""
    def __init__(self, owner: str, balance: int=0)->None:
        self.owner=owner; self.balance = balance
        self.history : "list[tuple[str,int]]"=[]

    def deposit(self, amount: int) -> int:
        if amount<=0: raise ValueError('no amount: %d' % amount)
        self.balance+=amount
        self.history.append(('deposit',amount))
        return self.balance

    def withdraw(self, amount: int)->int:
        if amount>self.balance: raise ValueError( 'too much: {}'.format(amount) )
        self.balance-=amount
        self.history.append( ( 'withdraw', amount, ) )
        return self.balance


def total(accounts: "list[Account]") -> "dict[str, int]":
    sums: "dict[str, int]" = collections.defaultdict(int)
    for a in sorted(accounts,key=lambda a:a.owner):
        sums[a.owner]+=a.balance
    return { k:v for k,v in sums.items() if v>0 and k not in ('nobody','somebody else','a third one with a long name') }
'''


def scratch():
    """A folder that goes with the process's own working folder, which bench/run removes."""
    return tempfile.mkdtemp(dir=os.getcwd())


def black():
    import black

    mode = black.Mode()
    return lambda: black.format_str(SOURCE, mode=mode)


def mypy():
    import mypy.api

    path = os.path.join(scratch(), "account.py")
    with open(path, "w") as out:
        out.write(SOURCE)
    arguments = [path, "--no-incremental", "--cache-dir=" + os.devnull, "--no-error-summary"]
    return lambda: mypy.api.run(arguments)


def sphinx():
    from sphinx.cmd.build import main

    folder = scratch()
    with open(os.path.join(folder, "conf.py"), "w") as out:
        out.write("project = 'bench'\nhtml_theme = 'basic'\n")
    with open(os.path.join(folder, "index.rst"), "w") as out:
        out.write("Bench\n=====\n\n")
        for n in range(40):
            out.write("Part %d\n-------\n\nA *paragraph* with ``code``, a `link <part-%d_>`_\n"
                      "and :ref:`an index <genindex>`.\n\n* one\n* two\n\n.. code-block:: python\n\n"
                      "   def f(x):\n       return x + %d\n\n" % (n, n, n))

    def run():
        to = os.path.join(folder, "out")
        shutil.rmtree(to, ignore_errors=True)
        main(["-q", "-E", "-b", "html", folder, to])

    return run


def django():
    import types
    import sys
    import django
    from django.conf import settings
    from django.http import HttpResponse
    from django.template import engines
    from django.test import Client
    from django.urls import path

    def page(request, number):
        template = engines["django"].from_string(
            "{% for i in items %}<li>{{ i|stringformat:'04d' }}</li>{% endfor %}")
        return HttpResponse(template.render({"items": range(number)}))

    urls = types.ModuleType("bench_urls")
    urls.urlpatterns = [path("page/<int:number>/", page)]
    sys.modules["bench_urls"] = urls
    settings.configure(
        SECRET_KEY="bench", ALLOWED_HOSTS=["*"], ROOT_URLCONF="bench_urls",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        MIDDLEWARE=["django.middleware.security.SecurityMiddleware",
                    "django.middleware.common.CommonMiddleware",
                    "django.middleware.csrf.CsrfViewMiddleware"])
    django.setup()
    client = Client()

    def run():
        if client.get("/page/30/").status_code != 200:
            raise SystemExit("the page is not served")

    return run


PROGRAMS = {"black": black, "mypy": mypy, "sphinx": sphinx, "django": django}


def load(name):
    once = PROGRAMS[name]()

    def run(loops):
        for _ in range(loops):
            once()

    return run
