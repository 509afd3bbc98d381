a = = 1
b = "open
c {
 d = [1 2]
 e = 24h }
}
f = "${