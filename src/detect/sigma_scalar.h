/* Types of plain YAML scalars, by the rules of YAML 1.1 as PyYAML applies them. Inside detect/ only. */
#ifndef DETECT_SIGMA_SCALAR_H
#define DETECT_SIGMA_SCALAR_H

#include "detect/sigma_yaml.h"

/* What an unquoted scalar is; `ret_number` gets the value of numbers and bools. */
enum yaml_kind yaml_scalar(struct str text, double *ret_number);

/* Decimal number with sign, fraction and exponent, the whole of `text`; false otherwise. */
bool yaml_decimal(struct str text, double *ret);

#endif
