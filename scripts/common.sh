# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What scripts/quickstart, scripts/test and .ci/run share: install what is missing, build.
# Read with `.`; the reader has set `top` to the folder of the project.
# `build` is where to build; `log` is where the noise of the steps goes.

PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export PATH
build=${BREADCRUMB_BUILD:-$top/build}
log=$build/$(basename "$0").log
started=$(date +%s)

say() {
    printf '%s\n' "$@"
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# step TEXT COMMAND...: runs it with its output in the log; shows the end of that if it fails.
step() {
    say "* $1"
    shift
    printf '\n### %s\n' "$*" >>"$log"
    if "$@" >>"$log" 2>&1 </dev/null; then
        return 0
    fi
    say "" "the last lines of it:" >&2
    tail -n 25 "$log" | sed 's/^/    /' >&2
    die "this failed: $*; all of its output is in $log"
}

have() {
    command -v "$1" >/dev/null 2>&1
}

have_compiler() {
    printf '#include <stdio.h>\nint main(void) { return 0; }\n' |
        ${CC:-cc} -x c -fsyntax-only - >/dev/null 2>&1
}

# Whether an interpreter of this machine has its Python.h; configure looks for the same.
have_python_headers() {
    for python in ${PYTHON:-python3 /usr/bin/python3 python3.15 python3.14 python3.13 python3.12 \
        python3.11 python3.10}; do
        include=$("$python" -c 'import sys, sysconfig
if (3, 10) <= sys.version_info < (3, 16): print(sysconfig.get_path("include"))' 2>/dev/null) || continue
        [ -n "$include" ] && [ -e "$include/Python.h" ] && return 0
    done
    return 1
}

have_clang_format() {
    for tool in clang-format-14 clang-format; do
        "$tool" --version 2>/dev/null | grep -q 'version 14\.' && return 0
    done
    return 1
}

# Debian's names of what is missing, for building or (also) for the tests.
missing_for_build() {
    have_compiler || echo gcc libc6-dev
    have make || echo make
    have autoconf || echo autoconf
    have automake || echo automake
    have libtoolize || echo libtool
    have pkg-config || echo pkg-config
    have python3 || echo python3
    have_python_headers || echo python3-dev
}

missing_for_tests() {
    have pkg-config && pkg-config --exists check || echo check
    have readelf || echo binutils
}

# The tests say SKIP aloud where these are missing.
missing_for_style() {
    have mandoc || echo mandoc
    have_clang_format || echo clang-format-14
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_install() {
    have apt-get && { [ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; }; }
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@"
}

# The lists may never have been fetched, or be too old to be of use.
apt_install_or_update() {
    apt_install "$@" || { as_root apt-get -qq update && apt_install "$@"; }
}

# need PACKAGES: installs them, or says what to do and ends.
need() {
    [ $# -gt 0 ] || return 0
    if can_install; then
        step "installing $*" apt_install_or_update "$@"
        return 0
    fi
    say "Missing on this machine (by their names on Debian and Ubuntu):" >&2
    say "    $*" >&2
    if have apt-get; then
        say "Neither root nor a sudo without password is at hand.  Install them with" >&2
        say "    sudo apt-get install $*" >&2
    else
        say "There is no apt-get here: install them with your system's own tool, under its names." >&2
    fi
    die "run this again when they are there"
}

# want PACKAGES: likewise, but goes on without them.
want() {
    for package; do
        if can_install; then
            say "* installing $package"
            printf '\n### install %s\n' "$package" >>"$log"
            apt_install_or_update "$package" >>"$log" 2>&1 </dev/null && continue
        fi
        say "  going on without $package: what needs it will be skipped"
    done
}

# A build folder that was configured otherwise, or moved, is begun anew.
start_log() {
    options="$top $*"
    if [ -e "$build/.configured" ] && [ "$(cat "$build/.configured")" != "$options" ]; then
        rm -rf "$build"
    fi
    mkdir -p "$build" || die "cannot make the folder $build"
    : >"$log" || die "cannot write to $build"
}

# configure_and_build CONFIGURE-OPTION...
configure_and_build() {
    cd "$top" || die "cannot enter $top"
    [ -x configure ] || step "making ./configure" ./autogen.sh
    cd "$build" || die "cannot enter $build"
    # Check may have come since quickstart configured without it.
    check=$(pkg-config --modversion check 2>/dev/null)
    if [ ! -e .configured ] || [ "$(cat .check 2>/dev/null)" != "$check" ]; then
        # By a relative path: configure takes no source folder with a space in its name.
        case $build in
        "$top"/*) source=$(printf '%s' "${build#"$top"/}" | sed 's:[^/][^/]*:..:g') ;;
        *) source=$top ;;
        esac
        step "configuring in $build" "$source/configure" "$@"
        printf '%s\n' "$top $*" >.configured
        printf '%s\n' "$check" >.check
    fi
    step "building" make -j"$(nproc 2>/dev/null || echo 2)" all
}

# Which interpreter a plain `python3` is: not a wrapper of pyenv's, but the program itself.
real_python() {
    "${PYTHON:-python3}" -c 'import sys; print(sys.executable)'
}

seconds() {
    echo $(($(date +%s) - started))
}
