#include "forgedit/jobs/kept_picture.h"

#include <algorithm>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"

namespace forgedit {
namespace {

std::string hash_of(const std::vector<std::uint8_t>& bytes) {
  return content_hash({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

std::shared_ptr<const EditedPhoto> edited_photo(Image photo, const Region& region) {
  check_region(region, photo.width, photo.height);
  auto content = hash_of(photo.pixels);
  return std::make_shared<EditedPhoto>(EditedPhoto{std::move(photo), region, std::move(content)});
}

std::shared_ptr<const KeptPicture> read_kept_picture(const std::filesystem::path& file, int width, int height,
                                                     const EditedPhoto* photo) {
  Mask mask;
  if (photo) {
    const auto whole = read_mask(file, photo->whole.width, photo->whole.height);
    mask = to_mask(cropped(to_image(whole), photo->region));
    if (std::all_of(mask.change.begin(), mask.change.end(), [](auto share) { return share == 0; })) {
      throw usage_error(
          "mask", file.string() + ": allows no change inside of the region " + region_text(photo->region));
    }
  } else {
    mask = read_mask(file, width, height);
  }
  auto content = hash_of(mask.change);
  return std::make_shared<KeptPicture>(KeptPicture{std::move(mask), std::move(content)});
}

}  // namespace forgedit
