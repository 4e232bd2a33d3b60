#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {

/// How one published TEdBench edit of Forgedit was generated, as the file names of witcherofresearch/tedbench
/// tell.
struct PublishedEdit {
  std::string strategy;
  double textalpha = 0;  ///< the published code's name for α; 0 in vector subtraction
  double alpha = 0;      ///< the published code's name for γ or β
};

/// What the 78 names with textalpha 0.7 mean is not known. That value fits the code's vector projection, but
/// these edits behave like vector subtraction: they forget, and reach strengths that the paper gives only
/// there.
enum class PublishedReading {
  projection,  ///< vp with α 0.7: vp 89, vs 11
  subtraction  ///< vs, 0.7 being an unused value: vs 89, vp 11
};

/// "vp" or "vs". Throws a usage Error otherwise.
PublishedReading parse_published_reading(const std::string& text);

/// By picture and target text. Throws Error naming file and entry.
std::map<std::pair<std::string, std::string>, PublishedEdit> read_published(
    const std::filesystem::path& path);

/// Whether released code has the strategy; three published edits used others.
bool has_released_strategy(const PublishedEdit& edit);

/// The settings of the edit in `request`; targets, seeds and steps stay.
void apply_published(const PublishedEdit& edit, PublishedReading reading, EditRequest& request);

}  // namespace forgedit
