#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {

/// The settings of one published TEdBench edit of Forgedit, from the file names of
/// witcherofresearch/tedbench.
struct PublishedEdit {
  std::string strategy;
  double textalpha = 0;  ///< the published code's name for α; 0 in vector subtraction
  double alpha = 0;      ///< the published code's name for γ or β
};

/// The meaning of the 78 names with textalpha 0.7 is unknown. That value fits the code's vector projection,
/// but these edits behave like vector subtraction: they forget, and reach strengths that the paper gives only
/// there.
enum class PublishedReading {
  projection,  ///< vp with α 0.7: vp 89, vs 11
  subtraction  ///< vs, 0.7 being an unused value: vs 89, vp 11
};

/// Parses "vp" or "vs". Throws a usage Error otherwise.
PublishedReading parse_published_reading(const std::string& text);

/// Reads the settings, by picture and target text. Throws Error naming file and entry.
std::map<std::pair<std::string, std::string>, PublishedEdit> read_published(
    const std::filesystem::path& path);

/// Whether the released code has the strategy; three published edits used others.
bool has_released_strategy(const PublishedEdit& edit);

/// Writes the settings of the edit into `request`; targets, seeds and steps stay.
void apply_published(const PublishedEdit& edit, PublishedReading reading, EditRequest& request);

}  // namespace forgedit
