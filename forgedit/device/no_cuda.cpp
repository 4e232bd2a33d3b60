#include "forgedit/device/cuda_bridge.h"

namespace forgedit::cuda {

bool built() {
  return false;
}
int device_count() {
  return 0;
}
std::string device_name(int) {
  return {};
}
std::int64_t peak_memory(int) {
  return 0;
}
void reset_peak_memory(int) {}
void synchronize(int) {}

}  // namespace forgedit::cuda
