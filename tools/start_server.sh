# To be sourced by scripts that need their own server: start_server FORGEDIT [OPTION...] starts one with tiny-sd and
# sets `server` (its process), `address` and `work` (a folder for the script). Both are removed when the script ends.
work=$(mktemp -d)
server=
clean_up() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

start_server() {
  local forgedit=$1
  shift
  "$forgedit" serve --port 0 --data "$work/data" --model "$root/tests/golden/tiny-sd" --device cpu "$@" \
    >"$work/address" 2>"$work/log" &
  server=$!
  for ((i = 0; i < 200; ++i)); do
    [ ! -s "$work/address" ] || break
    sleep 0.1
  done
  address=$(cat "$work/address")
  [ -n "$address" ] || { cat "$work/log" >&2 && exit 1; }
}
