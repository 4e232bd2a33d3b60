#pragma once

#include <cstdint>
#include <string>

// What only CUDA's headers can answer; cuda.cpp or no_cuda.cpp stands behind it.
namespace forgedit::cuda {

bool built();
int device_count();
std::string device_name(int index);
std::int64_t peak_memory(int index);
void reset_peak_memory(int index);
void synchronize(int index);

}  // namespace forgedit::cuda
