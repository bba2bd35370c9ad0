#!/usr/bin/env bash
# Installs Autobahn|Testsuite (the package autobahntestsuite, pinned, unmodified) into the folder that is given:
#
#     tests/conformance/install.sh .cache/autobahn
#
# It is Python 2.7 code. The interpreter is a python2.7 on the path, 2.7.18 of pyenv, or Debian bullseye's,
# unpacked into the folder (nothing is installed on the system). Needs python3 with venv; for Debian's interpreter
# also apt and dpkg. Does nothing when the same version of this script has done its work there before.
set -euo pipefail
script=$(readlink -f "$0")
mkdir -p "${1:?the folder to install into}"
folder=$(cd "$1" && pwd)
version=$(sha256sum "$script" | cut -c 1-16)

if [ "$(cat "$folder/version" 2>/dev/null)" = "$version" ] && "$folder/wstest" -a >/dev/null 2>&1; then
  exit 0
fi
echo "installing Autobahn|Testsuite into $folder: a minute or three"
rm -rf "${folder:?}"
mkdir -p "$folder/site" "$folder/seed"

# As the release's own requirements.txt pins them, plus the last Python 2 versions of what it leaves open.
cat > "$folder/setup-requires.txt" <<'PINS'
typing==3.10.0.0
incremental==16.10.1
PINS
cat > "$folder/pure.txt" <<'PINS'
autobahntestsuite==25.10.1
autobahn==0.10.9
Twisted==19.10.0
zope.interface==4.6.0
txaio==2.1.0
constantly==15.1.0
Automat==22.10.0
hyperlink==21.0.0
attrs==21.4.0
PyHamcrest==1.10.1
idna==2.10
six==1.16.0
jinja2==2.11.3
markupsafe==1.1.1
Werkzeug==1.0.1
klein==17.10.0
pyasn1==0.5.1
pyasn1-modules==0.3.0
ipaddress==1.0.23
enum34==1.1.10
setuptools==44.0.0
unittest2==1.1.0
linecache2==1.0.0
traceback2==1.4.0
PINS
cat > "$folder/binary.txt" <<'PINS'
pyOpenSSL==19.1.0
cryptography==3.3.2
cffi==1.15.1
pycparser==2.21
service_identity==18.1.0
PINS
# They make the suite faster and need a C compiler and Python.h.
cat > "$folder/accelerators.txt" <<'PINS'
wsaccel==0.6.6
ujson==2.0.3
PINS

find_python2() {
  local candidate
  for candidate in python2.7 "$(pyenv root 2>/dev/null || true)/versions/2.7.18/bin/python"; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c 'import ssl, zlib' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  unpack_debian_python2 >&2
  echo "$folder/python2"
}

# Debian dropped Python 2 after bullseye: take it from there, by way of the machine's own Debian mirror.
unpack_debian_python2() {
  local apt=$folder/apt keys=/usr/share/keyrings/debian-archive-keyring.gpg mirror arch
  command -v apt-get >/dev/null || { echo 'no Python 2.7 to be had: put python2.7 on the path'; exit 1; }
  mirror=$(grep -hoE '^(URIs: |deb )(\[[^]]*\] )?https?://[^ ]*/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    grep -oE 'https?://[^ ]+' | head -n 1 || true)
  [ -n "$mirror" ] || { echo 'no Python 2.7 to be had: put python2.7 on the path, or name a Debian mirror in apt'; exit 1; }
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$folder/debian"
  : > "$apt/status"
  echo "deb [signed-by=$keys] ${mirror%/} bullseye main" > "$apt/sources.list"
  local options=(-q -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" -o Dir::State::status="$apt/status"
    -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update
  (cd "$apt/cache" && apt-get "${options[@]}" download python2.7-minimal python2.7 libpython2.7-stdlib \
    libpython2.7-minimal libssl1.1 libffi7 libreadline8 libdb5.3)
  local package
  for package in "$apt"/cache/*.deb; do dpkg -x "$package" "$folder/debian"; done
  rm -rf "$apt"
  arch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
  cat > "$folder/python2" <<LAUNCHER
#!/bin/sh
LD_LIBRARY_PATH=$folder/debian/usr/lib/$arch:$folder/debian/lib/$arch exec "$folder/debian/usr/bin/python2.7" "\$@"
LAUNCHER
  chmod +x "$folder/python2"
}

# pip for Python 2.7: the wheels that the package virtualenv 20.21.1 carries.
unpack_pip() {
  local wheel
  python3 -m venv "$folder/helper"
  "$folder/helper/bin/pip" -q install virtualenv==20.21.1
  for wheel in pip-20.3.4 setuptools-44.1.1 wheel-0.37.1; do
    python3 -m zipfile -e "$folder"/helper/lib/python3*/site-packages/virtualenv/seed/wheels/embed/$wheel-*.whl "$folder/seed"
  done
  rm -rf "$folder/helper"
}

pip2() {
  PYTHONPATH="$folder/seed:$folder/site" PYTHONWARNINGS=ignore "$python" -m pip --no-python-version-warning \
    --disable-pip-version-check -q install --no-deps --target "$folder/site" "$@" >>"$folder/pip.log" 2>&1
}

failed() {
  tail -n 15 "$folder/pip.log"
  exit 1
}

python=$(find_python2)
unpack_pip
pip2 --no-compile --no-build-isolation -r "$folder/setup-requires.txt" || failed
pip2 --no-compile --no-build-isolation -r "$folder/pure.txt" || failed
touch "$folder/site/zope/__init__.py" # a namespace package needs this when it is found by PYTHONPATH
pip2 --only-binary cryptography,cffi -r "$folder/binary.txt" || failed
pip2 -r "$folder/accelerators.txt" || echo 'no C compiler or Python.h for Python 2.7: going without accelerators'
cat > "$folder/wstest" <<LAUNCHER
#!/bin/sh
PYTHONPATH="$folder/site" PYTHONWARNINGS=ignore exec "$python" -c 'from autobahntestsuite.wstest import run; run()' "\$@"
LAUNCHER
chmod +x "$folder/wstest"
"$folder/wstest" -a
echo "$version" > "$folder/version"
