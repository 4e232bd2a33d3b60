#include "apps/cli/edit_help.h"

#include <spdlog/fmt/fmt.h>

#include <utility>

#include "forgedit/editing/forgetting.h"

namespace forgedit::cli {

std::string edit_examples() {
  return "Lists are a,b,c or FIRST:LAST:STEP, both ends included; without :STEP, the step is 1.\n"
         "\n"
         "Examples:\n"
         "  forgedit edit dog.jpg \"a dog jumping\" --source \"a dog sitting\" \\\n"
         "      --model CompVis/stable-diffusion-v1-4\n"
         "  forgedit edit dog.jpg \"a dog jumping\" --source \"a dog sitting\" --forget "
         "encoderattn,noencoder \\\n"
         "      --gamma 0.8:1.4:0.2 --seeds 0,1 --save dog.edit\n"
         "  forgedit edit --from dog.edit \"a dog on a beach\" \"a cat sitting\" --interpolation vp --beta "
         "1.2\n"
         "  forgedit edit --from dog.edit --targets story.txt --preset story --out story\n"
         "  forgedit edit --from dog.edit \"a dog jumping\" --auto --clip openai/clip-vit-base-patch32\n"
         "\n"
         "A story is a file with one prompt per line, or JSON lines such as\n"
         "  {\"target\": \"a dog on a beach\", \"gamma\": [0.6, 0.7], \"forget\": \"noencoder\", \"seeds\": "
         "[0, 1]}\n"
         "If a run is stopped, the same command with the same --out resumes it.\n";
}

std::string strategies_help() {
  std::string text;
  for (const auto& [title, method] :
       {std::pair{"vanilla and imagic", LearnMethod::vanilla}, {"dreambooth", LearnMethod::dreambooth}}) {
    text += fmt::format("\nForgetting strategies of {}:\n", title);
    for (const auto& strategy : forgetting_strategies(method)) {
      text += fmt::format("  {:22} {}\n", strategy.name, strategy.summary);
    }
  }
  return text;
}

}  // namespace forgedit::cli
