# shellcheck shell=bash
# To be sourced by test scripts.

# good_picture FILE: writes a PNG of 24x16 pixels. Needs only base64.
good_picture() {
  base64 -d >"$1" <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAABgAAAAQCAIAAACDRijCAAACDklEQVR42o3MkRrrPACA4XMlRyKR
SKQymUwmk8lkMplMJpNKJRKJfHcQCoVKpcoplUqlUqkUCuXvHfx9npffP38pgiIpiqIpFeVEOVMu
lCvlRrlTHpQn5UV5Uz6UL+VHqSkNxVAsxVH+/CULsiQrsiZX5BP5TL6Qr+Qb+U5+kJ/kF/lN/pC/
5B+5JjdkQ7ZkR96jJEiSpEiaVJFOpDPpQrqSbqQ76UF6kl6kN+lD+pJ+pJrUkAzJkhxpjzbBJtkU
m2ar2P7J0//6sdVsDZths2yObY9WwSpZFatmrViPRWvN2rAaVsvqWPdoESySRbFolorlWLTULA2L
YbEsjmWPZsEsmRWzZq6Yj0VzzdwwG2bL7Jj3aBJMkkkxaaaK6Vg01UwNk2GyTI5pj0bBKBkVo2as
GI9FY83YMBpGy+gY92gQDJJBMWiGiuFYNNQMDYNhsAyOYY96QS/pFb2mr+iPRX1N39Abekvv6Peo
E3SSTtFpuoruWNTVdA2dobN0jm6PWkEraRWtpq1oj0VtTdvQGlpL62j3KAqiJCqiJlbEE/FMvBCv
xBvxTnwQn8QX8U38EL/EH7EmNkRDtERH3KMgCJKgCJpQEU6EM+FCuBJuhDvhQXgSXoQ34UP4En6E
mtAQDMESHGGPvMBLvMJrfIU/4c/4C/6Kv+Hv+Af+iX/h3/gP/ov/4Wt8gzd4i3f4/wCz2Vo7ObH2
NAAAAABJRU5ErkJggg==
PNG
}
