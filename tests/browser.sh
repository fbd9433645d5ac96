# What `make test` does so that the report can be tested in a real browser: Chromium, from Debian, where that can be had.
# Without one those tests are skipped and say so; where CI is set, they fail.
for name in "${NILO_CHROMIUM:-}" chromium chromium-browser google-chrome; do
    if [ -n "$name" ] && command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "make: no chromium here: the report is not tested in a browser; to have it tested, install chromium"
    exit 0
fi
echo "make: chromium and a font, by apt-get, for the tests of the report"
export DEBIAN_FRONTEND=noninteractive
said=$(mktemp)
if ! { apt-get -qq update && apt-get -qq --yes --no-install-recommends install chromium fonts-dejavu-core; } >"$said" 2>&1
then
    tail -n 3 "$said"
    echo "make: chromium could not be installed: the report is not tested in a browser"
fi
rm -f "$said"
