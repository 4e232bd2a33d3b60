#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "forgedit/io/pictures/image.h"
#include "forgedit/jobs/requests.h"

namespace forgedit {

/// One of our pictures, to be generated again from the settings inside of it.
struct RedoRequest {
  std::filesystem::path picture;               ///< a PNG of ours
  std::filesystem::path from;                  ///< the saved edit; empty: looked for
  std::filesystem::path original;              ///< what was learned; empty: looked for
  std::filesystem::path mask;                  ///< needed where one was used
  std::filesystem::path save;                  ///< see LearnRequest
  std::vector<std::filesystem::path> folders;  ///< where to look
};

/// The job that generates a picture again.
struct Redo {
  EditJob job;            ///< of that picture only, without a folder for its results
  std::string model;      ///< the model's name, as records have it
  std::string precision;  ///< "fp32" or "bf16"; empty: the picture does not say
  std::string plan;       ///< where what was learned is, or from what it is learned again
};

/// Reads the picture's settings and finds a saved edit of exactly this learning, else the picture that was
/// learned, whose pixels must be the same. The job ends before it learns where the model is another one, or
/// anything else that decides the pixels cannot be as it was; `warn` hears of a device, precision or LibTorch
/// that differs. Throws Error where settings, saved edit, picture or mask are missing or other ones.
Redo plan_redo(const RedoRequest& request, const std::function<void(const std::string&)>& warn);

/// How many pixels differ and by how much, for people; empty where the pictures are the same.
std::string pixel_difference(const Image& one, const Image& other);

}  // namespace forgedit
