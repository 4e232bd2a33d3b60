#!/usr/bin/env bash
# Runs `forgedit serve` as programs use it: uploads and edits a picture, kills worker and server during jobs, and sends
# requests that must be rejected.
# usage: serve_test.sh FORGEDIT SOURCE_DIR
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"

. "$SOURCE_DIR/tests/support/serve_functions.sh"

echo "-- the command line's pictures, to compare with"
SAME=("${OPTIONS[@]:0:6}" --size 64x64 --samples 4 --batch 2 --draw-batch 1 --source "a square")
expect 0 "" edit picture.png "a red square" "${SAME[@]}" --steps 4 --gamma 0.8,1 --out few
expect 0 "" edit picture.png "a blue square" "${SAME[@]}" --steps 20 --gamma 0.6:1.2:0.1 --out many

echo "-- start"
start_server
ask 200 GET healthz
ask 200 GET readyz
grep -q torch "/proc/$SERVER/maps" && complain "the network process has LibTorch in it"
ask 200 GET ""
grep -q "<html" answer || complain "there is no page: $(head -c 200 answer)"
ask 200 GET assets/page.css
expect 1 "another server" serve "${OPTIONS[@]}" --port 0
expect 1 "is in use by another program" serve "${OPTIONS[@]:0:6}" --data other --port "$(sed 's/.*:\([0-9]*\).*/\1/' address)"
[ "$(stat -c %a data)" = 700 ] || complain "data is open to others"

echo "-- upload, edit, events"
upload 201
FIRST=$PICTURE
upload 200
[ "$PICTURE" = "$FIRST" ] || complain "the same picture has two ids"
curl -sSN --max-time 60 "${URL}api/v1/events" >events 2>/dev/null &
EVENTS=$!
within 5 grep -q hello events
add_job 201 "{\"picture\": \"$PICTURE\", \"target\": \"a red square\", \"gamma\": [0.8, 1], $SETTINGS}"
EDIT=$JOB
ends_as "$EDIT" "done"
same_pictures few "$EDIT"
cmp -s few/sheet.png "data/jobs/$EDIT/sheet.png" || complain "the sheet differs"
ask 200 GET "api/v1/jobs/$EDIT"
STEM=$(value stem)
ask 200 GET "api/v1/jobs/$EDIT/pictures/$STEM.png"
cmp -s answer "few/$STEM.png" || complain "$STEM.png comes with other bytes"
ask 200 GET "api/v1/jobs/$EDIT/sheet.png"
ask 200 GET "api/v1/jobs/$EDIT/edit.json"
within 5 grep -q '"state":"done"' events
kill $EVENTS
ask 200 GET api/v1/info
for work in images vanilla; do
  grep -q "\"measured\":true,\"seconds\":[0-9.e-]*,\"width\":64,\"work\":\"$work\"" answer || complain "no speed of $work: $(cat answer)"
done
for part in 'event: hello' '"state":"queued"' '"state":"running"' '"stage":"learning"' 'event: picture' '"state":"done"'; do
  grep -q "$part" events || complain "no $part among the events"
done
ENDED=$(grep -B 2 '"state":"done"' events | sed -n 's/^id: //p' | head -n 1)
LAST=${ENDED%-*}-$((${ENDED##*-} - 1))
curl -sSN --max-time 1 -H "Last-Event-ID: $LAST" "${URL}api/v1/events" >again 2>/dev/null
grep -q '"state":"done"' again && ! grep -q resync again || complain "the stream does not go on after $LAST"

echo "-- captions need a captioner, which clients cannot name"
add_job 201 "{\"kind\": \"caption\", \"picture\": \"$PICTURE\"}"
ends_as "$JOB" "failed"
grep -q "$WORK" answer && complain "an error names a place of the server: $(cat answer)"
add_job 400 "{\"kind\": \"caption\", \"picture\": \"$PICTURE\", \"captioner\": \"/etc\"}"

echo "-- the worker is killed while it works"
LONG="{\"picture\": \"$PICTURE\", \"target\": \"a blue square\", \"gamma\": \"0.6:1.2:0.1\", ${SETTINGS%4}20}"
add_job 201 "$LONG"
KILLED=$JOB
within 20 has_pictures "$KILLED" 2 || complain "no picture comes"
kill -9 "$(worker)"
ends_as "$KILLED" "done"
same_pictures many "$KILLED"

echo "-- cancel"
add_job 201 "${LONG/blue/green}"
within 20 has_pictures "$JOB" 2
add_job 201 "${LONG/blue/grey}"
ask 202 POST "api/v1/jobs/$JOB/cancel"
is "$JOB" cancelled || complain "a waiting job is not cancelled at once"
RUNNING=$(ls -t data/jobs | head -n 1)
ask 202 POST "api/v1/jobs/$RUNNING/cancel"
within 3 is "$RUNNING" cancelled || complain "the running job is not cancelled soon"
ask 200 POST "api/v1/jobs/$RUNNING/cancel"

echo "-- the server is killed while it works"
add_job 201 "$LONG"
LOST=$JOB
within 20 has_pictures "$LOST" 3 || complain "no picture comes"
add_job 201 "${LONG/blue/black}"
WAITS=$JOB
ask 200 GET api/v1/jobs
kill_server
stamps "$LOST" | head -n 2 >before
start_server
for job in "$EDIT" "$KILLED" "$LOST" "$WAITS" "$RUNNING"; do ask 200 GET "api/v1/jobs/$job"; done
ends_as "$LOST" "done"
same_pictures many "$LOST"
while read -r stamp; do stamps "$LOST" | grep -qF "$stamp" || complain "drawn again: $stamp"; done <before
ask 200 GET "api/v1/jobs/$LOST"
[ "$(grep -o '"thumb"' answer | wc -l)" -eq "$(stamps "$LOST" | wc -l)" ] ||
  complain "not all pictures are listed: $(cat answer)"
ask 202 POST "api/v1/jobs/$WAITS/cancel"

echo "-- SIGTERM: the running job goes back to the queue"
add_job 201 "${LONG/blue/white}"
within 20 has_pictures "$JOB" 1
kill -TERM "$SERVER"
wait "$SERVER"
[ $? -eq 0 ] || complain "the server ends badly on SIGTERM"
start_server
within 20 is "$JOB" running || is "$JOB" "done" || complain "it does not go on: $(cat answer)"
ask 202 POST "api/v1/jobs/$JOB/cancel"

echo "-- refused"
ask 403 GET healthz -H 'Host: evil.example'
ask 403 GET api/v1/jobs -H "Host: evil.example:${URL##*:}"
ask 403 POST api/v1/jobs -H 'Origin: http://127.0.0.1:1' -H 'Content-Type: application/json' --data '{}'
ask 403 POST api/v1/jobs -H 'Origin: null' -H 'Content-Type: application/json' --data '{}'
ask 403 GET api/v1/jobs -H 'Sec-Fetch-Site: same-site'
ask 404 GET nothing
ask 404 GET "api/v1/jobs/../../etc/passwd"
ask 404 GET "api/v1/jobs/..%2f..%2fetc%2fpasswd"
ask 404 GET "api/v1/jobs/$EDIT/pictures/..%2f..%2fforgedit.png"
ask 404 GET "api/v1/jobs/$EDIT/pictures/sheet.png"
ask 404 GET "api/v1/jobs/$EDIT/../../forgedit.db"
ask 400 GET "api/v1/jobs?limit=0"
ask 400 GET "api/v1/jobs?limt=1"
ask 405 DELETE api/v1/jobs
ask 415 POST api/v1/pictures -H 'Content-Type: image/png' --data-binary 'no picture'
ask 415 POST api/v1/pictures -H 'Content-Type: text/plain' --data-binary @picture.png
ask 415 POST api/v1/jobs -H 'Content-Type: text/plain' --data '{}'
head -c 34000000 /dev/zero >large
ask 413 POST api/v1/pictures -H 'Content-Type: image/png' --data-binary @large
ask 413 POST api/v1/pictures -H 'Content-Type: image/png' -H 'Transfer-Encoding: chunked' --data-binary @large
ask 413 POST api/v1/jobs -H 'Content-Type: application/json' --data-binary @large
for wrong in '[]' '{' '{"picture": "../../etc/passwd", "target": "a"}' '{"picture": "/etc/passwd", "target": "a"}' \
  "{\"picture\": \"$PICTURE\", \"target\": \"a\", \"gama\": 1}" "{\"learned\": \"/tmp\", \"target\": \"a\"}" \
  "{\"picture\": \"$PICTURE\", \"target\": \"a\", \"auto\": {\"clip\": \"/tmp\"}}" \
  "{\"picture\": \"$PICTURE\", \"target\": \"a\", \"repeat\": 900}" \
  '{"kind": "export", "learned": "a", "to": "lora"}' '{"kind": "edit"}' \
  "{\"picture\": $(printf '[%.0s' {1..5000})"; do
  add_job 400 "$wrong"
done
ask 200 GET healthz
kill -TERM "$SERVER"
wait "$SERVER"

echo "-- off this machine a token is needed"
OPTIONS+=(--host 0.0.0.0)
expect 2 "--allow-host: give the name or address that clients use: the server listens on 0.0.0.0" serve "${OPTIONS[@]}" --port 0
expect 2 "--disk: expected a number of GiB from 0 to 1000000, got '5TB'" serve "${OPTIONS[@]}" --port 0 --disk 5TB
expect 2 "--start: expected paused or running, got 'soon'" serve "${OPTIONS[@]}" --port 0 --start soon
OPTIONS+=(--allow-host 127.0.0.1 --access-log)
: >stderr
start_server
TOKEN=${URL##*=}
URL=$(sed 's/0.0.0.0/127.0.0.1/; s/#.*//' address)
[ "$(cat data/token)" = "$TOKEN" ] && [ "$(stat -c %a data/token)" = 600 ] || complain "the token is not kept well"
ask 401 GET api/v1/jobs
ask 401 GET api/v1/jobs -H "Authorization: Bearer ${TOKEN}x"
ask 200 GET api/v1/jobs -H "Authorization: Bearer $TOKEN"
ask 200 GET healthz
ask 200 GET "" # the page asks for a token
ask 401 GET metrics
ask 401 POST api/v1/session -H 'Content-Type: application/json' --data '{"token": "wrong"}'
ask 204 POST api/v1/session -H 'Content-Type: application/json' --data "{\"token\": \"$TOKEN\"}" -c cookies
ask 200 GET metrics -b cookies
ask 403 POST api/v1/worker/unload -b cookies
ask 202 POST api/v1/worker/unload -b cookies -H 'X-Forgedit: 1'
ask 204 DELETE api/v1/session -b cookies -H 'X-Forgedit: 1'
ask 401 GET metrics -b cookies
ask 200 GET "api/v1/gallery?target=square" -H "Authorization: Bearer $TOKEN"
ask 200 GET "api/v1/jobs/$EDIT/pictures/$STEM.png" -H "Authorization: Bearer $TOKEN"
kill -TERM "$SERVER"
wait "$SERVER"
grep -qE "^20[0-9T:-]+Z GET /api/v1/jobs/$EDIT/pictures/\{stem\}.png 200 [0-9]+ ms owner$" stderr || complain "no access log"
grep -qE "$TOKEN|square|wrong" stderr && complain "the access log has a token or a prompt in it"

echo "-- tokens of a file, a proxy's names and path"
OPTIONS=(--model "$MODEL" --device cpu --threads 1 --data proxied --trust-proxy --allow-host edits.example --base-path /edits)
echo short >tokens
expect 1 "--tokens: tokens:1: expected a token" serve "${OPTIONS[@]}" --port 0 --tokens tokens
TOKEN=$(printf 'a%.0s' {1..40})
echo "ann $TOKEN" >tokens
OPTIONS+=(--tokens tokens)
expect 2 "--allow-origin: expected an origin" serve "${OPTIONS[@]}" --port 0 --allow-origin app.example
start_server
PROXY=(-H 'Host: edits.example' -H 'Origin: https://edits.example' -H "Authorization: Bearer $TOKEN")
ask 200 GET "" "${PROXY[@]}"
ask 200 GET api/v1/jobs "${PROXY[@]}"
ask 200 GET api/v1/openapi.json "${PROXY[@]}"
ask 401 GET api/v1/jobs
URL=${URL%edits/}
ask 404 GET api/v1/jobs "${PROXY[@]}"
ask 200 GET healthz
kill -TERM "$SERVER"
wait "$SERVER"

echo "-- a caption by the miniature's captioner"
OPTIONS=(--device cpu --threads 1 --data captions)
expect 0 "" caption picture.png
start_server
upload 201
add_job 201 "{\"kind\": \"caption\", \"picture\": \"$PICTURE\"}"
ends_as "$JOB" "done"
grep -qF "\"caption\":\"$(cat stdout)\"" answer || complain "expected the caption $(cat stdout), got $(cat answer)"
kill -TERM "$SERVER"
wait "$SERVER"
end_of_test
