# comment
a = 0x1F // other
b = [1, -2.5e3, "x${f("y{}")}z", ["n",], {k = true}] /* block */
c "label" "two" { d = <<-EOT
    text
    EOT
  e = <<E
raw $$
E
}
"quoted" = "\"\\\n\x41\u00e9\101", f {} é = false
