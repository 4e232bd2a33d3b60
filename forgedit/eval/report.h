#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "forgedit/eval/record.h"
#include "forgedit/io/charts/fonts.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// What a report shows.
struct BenchReport {
  std::string title;       ///< the benchmark
  std::string set;         ///< whose pictures: "Forgedit, γ 1.0", "Imagic, November 2022"
  std::string fixed_name;  ///< what the pictures under the fixed protocol are called
  std::vector<std::pair<std::string, std::string>> facts;  ///< settings, for the reader
  std::vector<EditRecord> records;
  std::filesystem::path pictures;  ///< PictureRecord::file lies in FOLDER/ID here; empty: it is a path itself
  std::array<std::uint8_t, 3> background = kWhite;
  std::optional<BenchTimes> times{};  ///< of the process that made the pictures, where there is one
};

/// Writes one HTML file that needs nothing else: pictures inlined, before/after sliders, sortable by every
/// score. With many pictures those that are neither fixed nor best become small.
void write_report(const std::filesystem::path& path, const BenchReport& report);

/// A contact sheet with a row for each edit that is done, of many edits for 24 of them: the original, a
/// picture of each protocol, the true answer. Text is set in `font`.
Image draw_report_sheet(const BenchReport& report, const Fonts& font);

}  // namespace forgedit
