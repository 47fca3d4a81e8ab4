#!/usr/bin/env bash
# System libraries that Qt and a virtual screen need on Debian and Ubuntu: installs what is missing where it
# may (root or passwordless sudo), else says what to install and exits with 1.
set -u
packages=(xvfb xauth libgl1 libegl1 libgl1-mesa-dri libglx-mesa0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-image0
  libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-xinerama0 libxcb-shape0 libxcb-cursor0 libdbus-1-3
  libfontconfig1)
# python3-venv carries what "python3 -m venv" lacks in Debian's own Python
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  [ "$(uname -s)" = Linux ] && echo "This is no Debian or Ubuntu: install Xvfb and the libraries of Qt's xcb platform yourself." >&2
  exit 0
fi
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

run=()
if [ "$(id -u)" -ne 0 ]; then
  if sudo -n true 2>/dev/null; then
    run=(sudo -n)
  else
    echo "Missing system libraries, and no right to install them. Ask an administrator for:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 1
  fi
fi
echo "Installing system libraries: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${run[@]}" apt-get update -qq && "${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || {
  echo "Could not install them. By hand: apt-get install ${missing[*]}" >&2
  exit 1
}
