#include "apps/cli/output_folder.h"

#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit::cli {

namespace fs = std::filesystem;

fs::path default_output_folder(const std::string& picture_name, const std::string& target) {
  const auto name = slug(fs::path(picture_name).stem().string()) + "-" + prompt_slug(target);
  fs::path folder = fs::path("out") / name;
  std::error_code ignored;
  for (int i = 2; fs::exists(folder, ignored); ++i)
    folder = fs::path("out") / (name + "-" + std::to_string(i));
  return folder;
}

}  // namespace forgedit::cli
