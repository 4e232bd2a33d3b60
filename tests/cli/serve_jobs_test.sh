#!/usr/bin/env bash
# Requests of a page to `forgedit serve`: learn once, generate during another job, follow events, export, keep, forget.
# usage: serve_jobs_test.sh FORGEDIT SOURCE_DIR
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"
. "$SOURCE_DIR/tests/support/make_clip.sh"
# CLIP for scores is in the model's folder, so clients need not name it.
cp -r "$MODEL" "$WORK/sd"
make_clip "$WORK/sd/clip" "$MODEL"
MODEL=$WORK/sd
. "$SOURCE_DIR/tests/support/serve_functions.sh"

send() { # STATUS METHOD PATH JSON
  ask "$1" "$2" "$3" -H 'Content-Type: application/json' --data "$4"
}
has() { grep -q -- "$1" answer || complain "no $1 in $(head -c 600 answer)"; }

start_server
curl -sSN --max-time 100 "${URL}api/v1/events?previews=1" >events 2>/dev/null &
EVENTS=$!

echo "-- the server says what it is"
knows_its_model() {
  ask 200 GET api/v1/info
  grep -q '"name":"sd"' answer
}
within 20 knows_its_model || complain "no model: $(cat answer)"
for part in '"miniature":false' '"name":"noencoder"' '"name":"dpm++"' '"upload_pixels":40000000' '"judge":{"there":true}' '"captioner":{"there":false'; do has "$part"; done

echo "-- learn, then edit what was learned"
ask 201 POST "api/v1/pictures?name=a%20man.png" -H 'Content-Type: image/png' --data-binary @picture.png
PICTURE=$(value id)
has '"width":128'
LEARN='"source": "a square", "size": "64x64", "samples": 4, "batch": 2'
add_job 201 "{\"kind\": \"learn\", \"picture\": \"$PICTURE\", $LEARN}"
ends_as "$JOB" "done"
ask 200 GET api/v1/learned
LEARNED=$(sed -n 's/.*"id":"\([2-7a-z]*\)".*/\1/p' answer)
has '"source":"a square"'
"$FORGEDIT" edit --from "data/learned/$LEARNED" "a red square" "${OPTIONS[@]:0:6}" --steps 4 --gamma 0.8 --draw-batch 1 --out here >/dev/null 2>&1 ||
  complain "the program does not take what the server learned"
add_job 201 "{\"picture\": \"$PICTURE\", \"target\": \"a red square\", \"gamma\": 0.8, \"steps\": 4, $LEARN}"
EDIT=$JOB
ends_as "$EDIT" "done"
[ "$(find data/learned -maxdepth 1 -type d -name '2*' | wc -l)" -eq 1 ] || complain "the same picture was learned twice"
for file in here/0*.png; do cmp -s "$file" "data/jobs/$EDIT/$(basename "$file")" || complain "$file differs"; done

echo "-- the command is the job's"
add_job 201 "{\"picture\": \"$PICTURE\", \"target\": \"it's a red square\", \"gamma\": [0.8, 1], \"steps\": 4, $LEARN, \"metadata\": false}"
ends_as "$JOB" "done"
(
  cp picture.png "a man.png"
  sed -n 's/.*"command":"\(.*\)","cover".*/\1/p' answer | sed 's/\\\\/\\/g' | sed "s/^forgedit/'${FORGEDIT//\//\\/}'/" >command.sh
  printf ' --model %s --device cpu --threads 1 --out copied\n' "$MODEL" | tr -d '\n' >>command.sh
  tr -d '\n' <command.sh >line.sh
  bash line.sh >/dev/null 2>>stderr
)
[ "$(find copied -name '0*.png' | wc -l)" -eq 2 ] || complain "the command does not run: $(cat line.sh)"
for file in copied/0*.png; do cmp -s "$file" "data/jobs/$JOB/$(basename "$file")" || complain "the command: $file differs"; done

echo "-- draw while a job runs"
add_job 201 "{\"learned\": \"$LEARNED\", \"target\": \"a blue square\", \"gamma\": \"0.6:1.3:0.1\", \"steps\": 20}"
BATCH=$JOB
within 20 has_pictures "$BATCH" 2
DRAW="\"kind\": \"draw\", \"learned\": \"$LEARNED\", \"target\": \"a red square\", \"steps\": 4"
add_job 201 "{$DRAW, \"gamma\": 0.8}"
DRAWN=$JOB
ends_as "$DRAWN" "done"
cmp -s "data/jobs/$DRAWN"/*.png here/01-*.png || complain "a drawn image differs from the program's"
ask 200 GET "api/v1/jobs/$DRAWN"
DREW=$(sed -n 's/.*"ended":\([0-9]*\),.*/\1/p' answer)
ends_as "$BATCH" "done"
BATCH_END=$(sed -n 's/.*"ended":\([0-9]*\),.*/\1/p' answer)
[ "$DREW" -lt "$BATCH_END" ] || complain "the drawing waited for the job"
[ "$(grep -o '"thumb"' answer | wc -l)" -eq 9 ] || complain "not all pictures: $(cat answer)"
has '"lane":"batch"'
add_job 201 "{${DRAW/: 4/: 900}, \"gamma\": 0.8}"
OLD=$JOB
within 10 is "$OLD" running
add_job 201 "{$DRAW, \"gamma\": 0.9}"
within 3 is "$OLD" cancelled || complain "an older drawing goes on"
has '"code":"superseded"'
ends_as "$JOB" "done"
add_job 400 "{$DRAW, \"gamma\": [0.8, 0.9]}"

echo "-- a story, and the automatic choice"
add_job 201 "{\"learned\": \"$LEARNED\", \"story\": [\"a cat\", {\"target\": \"a dog\", \"gamma\": [0.8, 1]}], \"gamma\": 0.6, \"steps\": 2}"
ends_as "$JOB" "done"
[ "$(grep -o '"thumb"' answer | wc -l)" -eq 4 ] || complain "a story of 3 edits: $(cat answer)"
add_job 201 "{\"learned\": \"$LEARNED\", \"target\": \"a cat\", \"auto\": {\"pictures\": 5}, \"steps\": 2}"
ends_as "$JOB" "done"
has '"choice":{"best":\[{"reason":'
[ "$(grep -o '"counts":' answer | wc -l)" -eq 5 ] || complain "not all points: $(cat answer)"
ask 200 GET "api/v1/jobs/$JOB/chart.png"

echo "-- events"
kill $EVENTS
for part in 'event: info' 'event: learned' 'event: loss' 'event: preview' 'data:image/webp;base64,' 'event: choice' 'event: queue' \
  'event: worker' '"lane":"interactive"'; do
  grep -q "$part" events || complain "no $part among the events"
done

echo "-- results"
ask 200 GET "api/v1/jobs/$EDIT"
has '"plan":\[{'
has '"losses":\['
STEM=$(value stem)
ask 200 GET "api/v1/jobs/$EDIT/pictures/$STEM.png?size=thumb"
head -c 4 answer | grep -q RIFF || complain "the small copy is no WebP"
ask 200 GET "api/v1/jobs/$EDIT/pictures/$STEM.png?metadata=none"
grep -q "a red square" answer && complain "a picture without settings has them"
ask 200 POST api/v1/settings-of -H 'Content-Type: image/png' --data-binary "@data/jobs/$EDIT/$STEM.png"
has "\"learned_here\":\"$LEARNED\""
REQUEST=$(sed -n 's/.*"request":\({.*}\),"settings".*/\1/p' answer)
add_job 201 "$REQUEST"
ends_as "$JOB" "done"
cmp -s "data/jobs/$JOB"/0*.png "data/jobs/$EDIT/$STEM.png" || complain "what is generated again differs"
ask 200 GET "api/v1/jobs/$EDIT/all.zip"
head -c 2 answer | grep -q PK || complain "all.zip is none"
ask 200 GET "api/v1/learned/$LEARNED/saved.zip"
ask 200 GET "api/v1/pictures/$PICTURE/view.webp"

echo "-- export"
add_job 201 "{\"kind\": \"export\", \"learned\": \"$LEARNED\", \"to\": \"lora\", \"rank\": 2}"
ends_as "$JOB" "done"
has '"name":"lora.safetensors"'
ask 200 GET "api/v1/exports/$JOB/lora.safetensors"
expect 0 "" export "data/learned/$LEARNED" --to lora --rank 2 --out lora.safetensors --model "$MODEL" --device cpu
cmp -s answer lora.safetensors || complain "the export differs from the program's"

add_job 201 "{\"kind\": \"export\", \"learned\": \"$LEARNED\", \"to\": \"diffusers\"}"
ends_as "$JOB" "done"
ask 200 GET "api/v1/exports/$JOB/model.zip"
grep -q "model/unet/config.json" answer || complain "the archive has no model"
add_job 400 "{\"kind\": \"export\", \"learned\": \"$LEARNED\", \"to\": \"lara\"}"
has "did you mean 'lora'"

echo "-- gallery, names, the end of things"
send 200 PATCH "api/v1/gallery/$EDIT/$STEM" '{"star": true}'
ask 200 GET "api/v1/gallery?star=true&target=RED"
[ "$(grep -o '"thumb"' answer | wc -l)" -eq 1 ] || complain "one star, not $(cat answer)"
send 200 PATCH "api/v1/learned/$LEARNED" '{"name": "my square", "pinned": true}'
send 400 PATCH "api/v1/learned/$LEARNED" '{"pined": true}'
has "did you mean 'pinned'"
send 200 PATCH api/v1/queue '{"paused": true}'
add_job 201 "{\"learned\": \"$LEARNED\", \"target\": \"a\"}"
ask 409 DELETE "api/v1/learned/$LEARNED"
ask 204 DELETE "api/v1/jobs/$JOB"
ask 202 POST api/v1/worker/unload
asleep() { [ -z "$(worker)" ]; }
within 10 asleep || complain "the worker stays"
ask 204 DELETE "api/v1/learned/$LEARNED"
ask 404 GET "api/v1/learned/$LEARNED"
[ -e "data/learned/$LEARNED" ] && complain "what was learned is still there"
ask 204 DELETE "api/v1/jobs/$EDIT"
[ -e "data/jobs/$EDIT" ] && complain "the job's files are still there"
kill -TERM "$SERVER"
wait "$SERVER"
end_of_test
