# rempart. An idle shell ends after so many seconds; bash(1) alone knows how.
if [ -n "${BASH_VERSION-}" ]; then
  declare -xr TMOUT=600
fi
