/* SPDX-License-Identifier: MIT */
/*
 * A program without Python that loads plugins:
 *
 *   embed_host PLUGIN.so CODE...
 *
 * The plugin is opened with RTLD_LOCAL, so neither its symbols nor those of the libpython
 * that it brings along are in the global scope, where the agent's RTLD_DEFAULT and
 * RTLD_NEXT would look.
 */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	int (*run)(const char *code);
	void *plugin;
	int failures = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: embed_host PLUGIN.so CODE...\n");
		return 98;
	}
	plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!plugin) {
		fprintf(stderr, "embed_host: %s\n", dlerror());
		return 97;
	}
	*(void **)&run = dlsym(plugin, "plugin_run");
	if (!run)
		return 96;
	for (int i = 2; i < argc; i++)
		failures += run(argv[i]) != 0;
	return failures;
}
