#include "model/observable.h"
