#pragma once

// What the project uses of LibTorch: tensors, modules and autograd. <torch/torch.h> takes twice as long to
// compile; what else it holds (optimisers, layers) is included where it is used.
#include <torch/autograd.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/types.h>
#include <torch/utils.h>
