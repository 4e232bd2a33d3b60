#include "forgedit/serve/command_line.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "forgedit/core/shell_word.h"

namespace forgedit {
namespace {

using nlohmann::json;

std::string line(const char* request) {
  return command_line(json::parse(request), "my dog.png");
}

TEST(CommandLine, HasTheOptionsOfItsRequest) {
  EXPECT_EQ(line(R"({"picture":"x","source":"a dog","target":"it's a dog","gamma":[0.6,0.8],"seed":3,
                     "unet_lr":1e-4,"unlearned":true,"fast":false,"guidance":5,"size":null,"metadata":false})"),
            "forgedit edit 'my dog.png' 'it'\\''s a dog' --gamma 0.6,0.8 --guidance-scale 5 --seeds 3"
            " --source 'a dog' --unet-lr 0.0001 --unlearned --no-metadata --draw-batch 1");
  EXPECT_EQ(line(R"({"learned":"x","targets":["a","b"],"auto":{"pictures":12},"draw_batch":2})"),
            "forgedit edit a b --from learned.edit --auto --auto-pictures 12 --draw-batch 2");
  EXPECT_EQ(line(R"({"kind":"draw","learned":"x","target":"-v","gamma":1})"),
            "forgedit edit --from learned.edit --gamma 1 --draw-batch 1 -- -v");
  EXPECT_EQ(line(R"({"learned":"x","story":["a b",{"target":"c"}],"preset":"story"})"),
            "printf '%s\\n' 'a b' '{\"target\":\"c\"}' | forgedit edit --from learned.edit --preset story"
            " --targets - --draw-batch 1");
  EXPECT_EQ(line(R"({"kind":"learn","picture":"x","source":"a","seed":4})"),
            "forgedit learn 'my dog.png' --source a --seed 4 --save learned.edit");
  EXPECT_EQ(line(R"({"learned":"x","target":"a","negative":"blurry, dark"})"),
            "forgedit edit a --from learned.edit --negative 'blurry, dark' --draw-batch 1");
  EXPECT_EQ(line(R"({"learned":"x","target":"a","negative":"-v"})"),
            "forgedit edit a --from learned.edit --negative=-v --draw-batch 1");
  EXPECT_EQ(line(R"({"kind":"caption","picture":"x","beams":2})"), "forgedit caption 'my dog.png' --beams 2");
  EXPECT_EQ(line(R"({"kind":"export","learned":"x","to":"lora","rank":4})"),
            "forgedit export learned.edit --rank 4 --to lora --out lora.safetensors");
  EXPECT_EQ(line(R"({"kind":"score"})"), "");
}

TEST(CommandLine, AWordOfPlainCharactersIsNotQuoted) {
  EXPECT_EQ(shell_word("bär.edit"), "bär.edit");
}

TEST(CommandLine, NothingInAWordIsTheShells) {
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("$(rm -rf ~)"), "'$(rm -rf ~)'");
  EXPECT_EQ(shell_word("a\nb"), "'a\nb'");
}

}  // namespace
}  // namespace forgedit
