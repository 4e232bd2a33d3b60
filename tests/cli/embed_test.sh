#!/usr/bin/env bash
# embed_test.sh FORGEDIT SOURCE_DIR BUILD_DIR: programs in C, C++ and Python use the installed library.
BUILD=$(realpath "$3")
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"
unset FORGEDIT_ASSETS  # the library must find its own

HERE=$PWD/prefix
cmake --install "$BUILD" --prefix "$HERE" >install.log 2>&1 || complain "cmake --install: $(tail -3 install.log)"
LIBRARY=$(find "$HERE" -name libforgedit.so)
LIBDIR=$(dirname "$LIBRARY")
HEADER=$HERE/include/forgedit.h
export PKG_CONFIG_PATH=$LIBDIR/pkgconfig
export LD_LIBRARY_PATH=$LIBDIR

# gives CODE LINE COMMAND...: expects the exit code, and this line or nothing on stderr.
gives() {
  local code=$1 line=$2
  shift 2
  "$@" >stdout 2>stderr
  local got=$?
  [ $got -eq "$code" ] || complain "$*: exit code $got, expected $code"
  if [ -z "$line" ]; then
    [ ! -s stderr ] || complain "$*: expected nothing on stderr"
  else
    grep -qF -- "$line" stderr || complain "$*: no '$line' on stderr"
    [ "$(wc -l <stderr)" -eq 1 ] || complain "$*: expected one line on stderr"
  fi
}

echo "-- the interface is what its version says"
VERSION=$(sed -n 's/^#define FORGEDIT_API_VERSION //p' "$HEADER")
RECORD=$SOURCE_DIR/forgedit/capi/api_$VERSION.txt
cc -E -P -x c "$HEADER" >declared
diff -w "$RECORD" declared >&2 || complain "forgedit.h has changed: add one to FORGEDIT_API_VERSION, then cc -E -P forgedit/capi/forgedit.h \
>forgedit/capi/api_$((VERSION + 1)).txt"
grep -oE 'forgedit_[a-z_]+\(' "$RECORD" | tr -d '(' | sort >names
nm -D --defined-only "$LIBRARY" | awk '{print $3}' | sort | diff names - >&2 || complain "libforgedit exports other names than forgedit.h declares"
SONAME=$(readelf -d "$LIBRARY" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
[ -e "$LIBDIR/$SONAME" ] || complain "SONAME is $SONAME, which is not installed"

cat >options.json <<END
{"model": "$MODEL", "device": "cpu", "threads": 1}
END
good_picture square.png
cat >request.json <<END
{"picture": "square.png", "source": "a square", "target": "a red square", "size": 64, "samples": 4, "batch": 2,
 "gamma": 1, "steps": 2, "out": "out"}
END

echo "-- C, by pkg-config"
read -ra FLAGS < <(pkg-config --cflags --libs forgedit)
cc -std=c99 -pedantic -Wall -Wextra -Werror "$SOURCE_DIR/examples/c/run_request.c" -o run_request "${FLAGS[@]}" ||
  complain "run_request.c cannot be built"
gives 0 "" ./run_request options.json request.json
[ "$(tail -n 1 stdout)" = '{"event":"done"}' ] || complain "C: the last event is $(tail -n 1 stdout)"
[ "$(grep -c '"event":"picture"' stdout)" = 2 ] || complain "C: expected two pictures"
[ -s out/edit.json ] || complain "C: no out/edit.json"
sed 's/"gamma"/"gama"/' request.json >misspelt.json
gives 2 "gama: " ./run_request options.json misspelt.json
echo '{"model": "nowhere"}' >nowhere.json
gives 1 "model: nowhere: no such model" ./run_request nowhere.json request.json
sed 's/"samples": 4/"samples": 100000/; s/"out": "out"/"out": "stopped"/' request.json >long.json
./run_request options.json long.json >stdout 2>stderr &
within 60 grep -q '"event":"progress"' stdout || complain "C: no progress"
kill -INT $!
wait $!
[ $? -eq 3 ] || complain "C: a stop does not give FORGEDIT_STOPPED"

echo "-- an old library beside a new header"
mkdir newer
sed "s/\(define FORGEDIT_API_VERSION\) $VERSION/\1 $((VERSION + 1))/" "$HEADER" >newer/forgedit.h
cc -Inewer "$SOURCE_DIR/examples/c/run_request.c" -o newer/run_request "${FLAGS[@]}" || complain "run_request.c cannot be built"
gives 1 "install a newer forgedit" newer/run_request options.json request.json

echo "-- C++, by CMake, with the miniature that is installed"
cmake -S "$SOURCE_DIR/examples/cpp" -B consumer -DCMAKE_PREFIX_PATH="$HERE" >cmake.log 2>&1 &&
  cmake --build consumer >>cmake.log 2>&1 || complain "examples/cpp: $(tail -5 cmake.log)"
gives 0 "" consumer/edit_picture "$HERE/share/forgedit/miniature/demo.png" "a man walking" "a man running" by-cpp
grep -qE '^forgedit [0-9.]+: [0-9]+ events$' stdout || complain "C++: $(cat stdout)"
[ -s by-cpp/sheet.png ] || complain "C++: no by-cpp/sheet.png"

if command -v python3 >/dev/null; then
  echo "-- Python, by ctypes"
  gives 0 "" python3 "$SOURCE_DIR/examples/python/edit_picture.py" "$(cat options.json)" "$(sed 's/"out": "out"/"out": "by-python"/' request.json)"
  [ "$(wc -l <stdout)" = 2 ] && [ -s "$(tail -n 1 stdout)" ] || complain "Python: no pictures: $(cat stdout)"
  gives 1 "edit_picture.py: gama: " python3 "$SOURCE_DIR/examples/python/edit_picture.py" "$(cat options.json)" "$(cat misspelt.json)"
fi

end_of_test
