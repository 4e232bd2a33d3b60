#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "forgedit/eval/record.h"
#include "forgedit/io/charts/fonts.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// The contents of a report.
struct BenchReport {
  std::string title;       ///< name of the benchmark
  std::string set;         ///< origin of the images: "Forgedit, γ 1.0", "Imagic, November 2022"
  std::string fixed_name;  ///< name for the images of the fixed protocol
  std::vector<std::pair<std::string, std::string>> facts;  ///< names and values of settings, for people
  std::vector<EditRecord> records;
  std::filesystem::path pictures;  ///< PictureRecord::file is in this folder, in ID; empty: it is a path
  std::array<std::uint8_t, 3> background = kWhite;
  std::optional<BenchTimes> times{};  ///< times of the process that generated the images, if known
};

/// Writes one self-contained HTML file with inlined images and before/after sliders, sortable by every score.
/// If there are many images, those that are neither fixed nor best are scaled down.
void write_report(const std::filesystem::path& path, const BenchReport& report);

/// Returns a contact sheet with a row for each finished edit, for 24 of them if there are more: the original,
/// an image of each protocol, the true answer. Labels are set in `font`.
Image draw_report_sheet(const BenchReport& report, const Fonts& font);

}  // namespace forgedit
