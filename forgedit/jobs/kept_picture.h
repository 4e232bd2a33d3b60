#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "forgedit/io/pictures/mask.h"
#include "forgedit/io/pictures/region.h"

namespace forgedit {

/// The part of the picture that edits do not change.
struct KeptPicture {
  Mask mask;            ///< has the source's size
  std::string content;  ///< hash of the mask, for records
};

/// A photo of which only a region is edited: fine-tuning and sampling see only that region.
struct EditedPhoto {
  Image whole;
  Region region;
  std::string content;  ///< hash of the whole photo, for records
};

/// Combines `photo` and its region. Throws a usage Error as check_region does.
std::shared_ptr<const EditedPhoto> edited_photo(Image photo, const Region& region);

/// Reads the mask in `file` for a picture of this size in pixels: see read_mask. With `photo` the mask has
/// the whole photo's size and is cropped to the region. Throws a usage Error if it allows no change there.
std::shared_ptr<const KeptPicture> read_kept_picture(const std::filesystem::path& file, int width, int height,
                                                     const EditedPhoto* photo = nullptr);

}  // namespace forgedit
