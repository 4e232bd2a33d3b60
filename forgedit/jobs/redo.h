#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "forgedit/io/pictures/image.h"
#include "forgedit/jobs/requests.h"

namespace forgedit {

/// Asks to generate an image of an earlier run again, from the settings in its PNG.
struct RedoRequest {
  std::filesystem::path picture;               ///< a PNG file of an earlier run
  std::filesystem::path from;                  ///< the saved edit; empty: search for it
  std::filesystem::path original;              ///< the picture that was edited; empty: search for it
  std::filesystem::path mask;                  ///< required if the image was generated with one
  std::filesystem::path save;                  ///< see LearnRequest
  std::vector<std::filesystem::path> folders;  ///< folders to search
};

/// The job that generates a picture again.
struct Redo {
  EditJob job;            ///< generates only that image; `out` is empty
  std::string model;      ///< the model's name, as in records
  std::string precision;  ///< "fp32" or "bf16"; empty: not in the PNG
  std::string plan;       ///< for people: the saved edit, or the picture to fine-tune on again
};

/// Reads the image's settings and finds a saved edit with the same fine-tuning, else the picture that was
/// edited, whose pixels must be the same. The job ends before fine-tuning if the model or anything else that
/// determines the pixels differs; `warn` receives a different device, precision or LibTorch. Throws Error if
/// settings, saved edit, picture or mask are missing or differ.
Redo plan_redo(const RedoRequest& request, const std::function<void(const std::string&)>& warn);

/// Describes how many pixels differ and by how much; empty if the images are equal.
std::string pixel_difference(const Image& one, const Image& other);

}  // namespace forgedit
