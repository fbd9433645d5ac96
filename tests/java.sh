# What `make scale` does so that Spark can run: Java 17, from Debian, where that can be had. Without it its tests are
# skipped and say so; where CI is set, that is a failure.
if [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/java" ]; then exit 0; fi
if command -v java >/dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "make: no java here: Spark is not tested; to have it tested, install Java 17"
    if [ -n "${CI:-}" ]; then exit 1; fi
    exit 0
fi
echo "make: Java 17, by apt-get, for the tests on Spark"
export DEBIAN_FRONTEND=noninteractive
said=$(mktemp)
if ! { apt-get -qq update && apt-get -qq --yes --no-install-recommends install openjdk-17-jre-headless; } >"$said" 2>&1
then
    tail -n 3 "$said"
    rm -f "$said"
    echo "make: Java could not be installed: Spark is not tested"
    if [ -n "${CI:-}" ]; then exit 1; fi
    exit 0
fi
rm -f "$said"
