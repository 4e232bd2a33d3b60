# shellcheck shell=bash
# Starts a server with the tiny model and sends requests to it. To be sourced after cli_test.sh.
export OMP_NUM_THREADS=1
touch stderr
OPTIONS=(--model "$MODEL" --device cpu --threads 1 --data data)
cp "$SOURCE_DIR/assets/miniature/demo.png" picture.png
SETTINGS='"source": "a square", "size": "64x64", "samples": 4, "batch": 2, "steps": 4'
SERVER=
stop_server() {
  [ -z "$SERVER" ] || kill -9 "$SERVER" 2>/dev/null
  cleanup
}
trap stop_server EXIT

start_server() {
  : >address
  "$FORGEDIT" serve "${OPTIONS[@]}" --port 0 >address 2>>stderr &
  SERVER=$!
  within 20 test -s address || { complain "the server says no address" && exit 1; }
  URL=$(cat address)
}
kill_server() {
  kill -9 "$SERVER"
  wait "$SERVER" 2>/dev/null
}
# ask STATUS METHOD PATH CURL_ARGUMENT...: sends a request. The response is in the file `answer`.
ask() {
  local expected=$1 method=$2 path=$3
  shift 3
  local got
  got=$(curl -sS --max-time 20 --path-as-is -o answer -w '%{http_code}' -X "$method" "$@" "$URL$path" 2>>stderr)
  [ "$got" = "$expected" ] || complain "$method $path $*: status $got, expected $expected: $(head -c 300 answer)"
}
value() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" answer | head -n 1; }
upload() {
  ask "$1" POST api/v1/pictures -H 'Content-Type: image/png' --data-binary @picture.png
  PICTURE=$(value id)
}
# add_job STATUS JSON: adds a job and sets JOB to its id.
add_job() {
  ask "$1" POST api/v1/jobs -H 'Content-Type: application/json' --data "$2"
  JOB=$(sed -n 's/.*"id":"\([2-7a-z]*\)","kind".*/\1/p' answer)
}
state_of() {
  ask 200 GET "api/v1/jobs/$1"
  value state
}
is() { [ "$(state_of "$1")" = "$2" ]; }
ends_as() { within 40 is "$1" "$2" || complain "job $1 is not $2 but $(cat answer)"; }
worker() { pgrep -P "$SERVER" | head -n 1; }
# Prints data that would change if a picture were written again.
stamps() { find "data/jobs/$1" -name '*.png' ! -name sheet.png -printf '%P %i %T@\n' 2>/dev/null | sort; }
has_pictures() { [ "$(stamps "$1" | wc -l)" -ge "$2" ]; }
same_pictures() { # FOLDER JOB
  local file count=0
  for file in "$1"/*.png; do
    count=$((count + 1))
    cmp -s "$file" "data/jobs/$2/$(basename "$file")" || complain "$2: $(basename "$file") differs from the program's"
  done
  [ $count -gt 2 ] || complain "$1: only $count pictures"
}
