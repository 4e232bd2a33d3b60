// Prepares what the miniature is trained on: the emoji pack, its captions and the held-back list.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/charts/contact_sheet.h"
#include "forgedit/io/charts/line_chart.h"
#include "forgedit/io/pictures/image.h"
#include "tools/miniature/held_back.h"
#include "tools/miniature/iconify.h"
#include "tools/miniature/miniedit.h"
#include "tools/miniature/pack.h"
#include "tools/miniature/scene.h"
#include "tools/miniature/vocabulary.h"

namespace {

namespace fs = std::filesystem;
using namespace forgedit;

/// What the subcommands' options fill.
struct Options {
  fs::path emoji;
  fs::path labels;
  fs::path pack = ".pack/emoji.pack";
  fs::path held_back = "assets/miniature/held_back.txt";
  fs::path edits = "assets/miniature/miniedit.txt";
  fs::path font = "assets/fonts/DejaVuSans.ttf";
  fs::path out;
  std::vector<fs::path> logs, style_packs;
  std::string caption;
  std::string style{kEmojiStyles.front().name};
  std::string split = "train";
  float quality = 92;
  std::uint64_t seed = 0;
  int count = 32;
  int size = kEmojiSide;
};

void make_pack(const Options& options) {
  if (!fs::is_directory(options.emoji)) throw usage_error(options.emoji.string() + ": expected a directory");
  const auto& style = emoji_style(options.style);
  std::map<std::string, fs::path> files;
  std::set<std::string> keys;
  for (const auto& file : fs::directory_iterator(options.emoji)) {
    const auto extension = file.path().extension();
    if (extension != ".webp" && extension != ".png") continue;
    std::string key = emoji_key(file.path().stem().string());
    if (style.tones_exchanged) key = shown_key(key);
    files[key] = file.path();
    keys.insert(key);
  }
  const auto entries = read_vocabulary(options.labels, keys);
  std::vector<RgbaImage> pictures;
  std::map<std::string, int> groups;
  std::set<std::string> families;
  for (const auto& entry : entries) {
    pictures.push_back(shrink_emoji(read_rgba_image(files.at(entry.key))));
    ++groups[entry.group];
    families.insert(entry.family);
  }
  write_pack(options.out, style, entries, pictures, options.quality);
  read_pack(options.out);  // what we hand on must be readable, with no label twice
  std::cout << entries.size() << " emoji in " << families.size() << " families, "
            << fs::file_size(options.out) << " bytes\n";
  for (const auto& [group, count] : groups) std::cout << "  " << group << ' ' << count << '\n';
}

void write_svgs(const Options& options) {
  std::cout << write_iconify_svgs(options.emoji, options.out) << " pictures\n";
}

void make_sheet(const Options& options) {
  EmojiPack pack = read_pack(options.pack);
  hold_back(pack, options.held_back);
  const Split split = options.split == "train" ? Split::train : Split::held_back;
  std::mt19937_64 engine(options.seed);
  constexpr std::size_t kPerRow = 8;
  std::vector<SheetRow> rows;
  for (int i = 0; i < options.count; ++i) {
    if (rows.empty() || rows.back().cells.size() == kPerRow) rows.emplace_back();
    const Scene scene = random_scene(pack, engine, split);
    rows.back().cells.push_back({render(pack, scene), caption(pack, scene)});
  }
  write_png(options.out, draw_contact_sheet(rows, options.font, "Scenes of the " + options.split + " split"));
}

void list_captions(const Options& options) {
  const EmojiPack pack = read_pack(options.pack);
  std::string lines;
  for (std::size_t entry = 0; entry < pack.entries.size(); ++entry) {
    for (std::size_t colour = 0; colour < kBackgrounds.size(); ++colour) {
      lines += caption(pack, entry, colour) + "\n";
    }
  }
  write_file_atomically(options.out, lines);
}

void render_caption(const Options& options) {
  const EmojiPack pack = read_pack(options.pack);
  write_png(options.out, render(pack, scene_of_caption(pack, options.caption), options.size));
}

void choose_held_back_list(const Options& options) {
  EmojiPack pack = read_pack(options.pack);
  const std::string list = choose_held_back(pack);
  hold_back(pack, list, options.out.string());
  write_file_atomically(options.out, list);
  std::cout << pack.entries_held_back.size() << " emoji with something held back\n";
}

void make_miniedit(const Options& options) {
  std::vector<EmojiPack> packs{read_pack(options.pack)};
  hold_back(packs.front(), options.held_back);
  for (const auto& file : options.style_packs) packs.push_back(read_pack(file));
  write_miniedit(packs, read_file(options.edits), options.edits.string(), options.seed, options.out);
}

/// The running losses that a trainer logged, one line a run, each behind the one before.
void draw_curve(const Options& options) {
  const std::regex line(R"((\S+) step \d+ \(([0-9.]+) M samples\).*loss ([0-9.]+))");
  LineChart chart{"Training the miniature", "million samples", "loss", {}};
  double before = 0;
  for (const auto& log : options.logs) {
    std::istringstream text(read_file(log));
    ChartSeries series;
    double samples = 0;
    for (std::string row; std::getline(text, row);) {
      std::smatch found;
      if (!std::regex_search(row, found, line)) continue;
      samples = std::stod(found[2]);
      series.name = "run " + std::to_string(chart.series.size() + 1) + " (" + found[1].str() + ")";
      series.points.push_back({before + samples, std::stod(found[3]), ""});
    }
    if (series.points.empty()) throw failure(log.string() + ": no line of a training step");
    before += samples;
    chart.series.push_back(std::move(series));
  }
  write_png(options.out, draw_line_chart(chart, options.font));
}

void add_subcommands(CLI::App& app, Options& options) {
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* help, void (*run)(const Options&)) {
    CLI::App* command = app.add_subcommand(name, help);
    command->add_option("--out", options.out, "file or folder to write")->required();
    command->callback([run, &options] { run(options); });
    return command;
  };
  const auto add_pack = [&](CLI::App* command) {
    command->add_option("--pack", options.pack, "emoji pack")->capture_default_str();
    return command;
  };

  auto* pack = add("pack", "pack emoji pictures and labels into one file", make_pack);
  pack->add_option("--emoji", options.emoji, "folder of WebP or PNG pictures named by code points")
      ->required();
  std::vector<std::string> styles;
  for (const auto& style : kEmojiStyles) styles.emplace_back(style.name);
  pack->add_option("--style", options.style)->check(CLI::IsMember(styles))->capture_default_str();
  pack->add_option("--labels", options.labels, "emojibase's en/data.json")->required();
  pack->add_option("--quality", options.quality, "WebP quality; 100: lossless")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();

  auto* svg =
      add("svg", "write the pictures of an icon set of Iconify as SVG, named by code points", write_svgs);
  svg->add_option("--emoji", options.emoji, "folder of the package")->required();

  auto* sheet = add_pack(add("sheet", "draw scenes with their captions", make_sheet));
  sheet->add_option("--split", options.split)
      ->check(CLI::IsMember({"train", "held_back"}))
      ->capture_default_str();
  sheet->add_option("--held-back", options.held_back, "held-back list")->capture_default_str();
  sheet->add_option("--font", options.font, "TrueType font")->capture_default_str();
  sheet->add_option("--seed", options.seed)->capture_default_str();
  sheet->add_option("--count", options.count)->check(CLI::Range(1, 1000))->capture_default_str();

  add_pack(add("captions", "write every caption that a scene can have, one a line", list_captions));
  add_pack(
      add("held-back", "choose the held-back list (once; the committed list stays)", choose_held_back_list));

  auto* edits = add_pack(add("miniedit", "write the MiniEdit data set (docs/miniedit.md)", make_miniedit));
  edits->add_option("--held-back", options.held_back, "held-back list")->capture_default_str();
  edits->add_option("--edits", options.edits, "list of edits")->capture_default_str();
  edits->add_option("--style-pack", options.style_packs, "packs of the styles that the list names");
  edits->add_option("--seed", options.seed)->capture_default_str();

  auto* curve = add("curve", "draw the losses of training runs", draw_curve);
  curve->add_option("LOG", options.logs, "what forgedit_miniature_train said")->required();
  curve->add_option("--font", options.font, "TrueType font")->capture_default_str();

  auto* picture = add_pack(add("render", "draw the true picture of a caption", render_caption));
  picture->add_option("--caption", options.caption)->required();
  picture->add_option("--size", options.size, "side in pixels")
      ->check(CLI::Range(8, 4096))
      ->capture_default_str();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Prepares the miniature's training data");
  try {
    add_subcommands(app, options);
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const Error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return error.kind() == ErrorKind::usage ? 2 : 1;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
