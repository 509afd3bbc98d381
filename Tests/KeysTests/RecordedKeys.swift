/// Key files that the established implementation wrote (keys for tests only).
enum RecordedKeys {
  static let server = """
    {
    	"keys": {
    		"JWT-Signer-A": "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8DtYxq9dZSgz4hkujYjIAx3Qe0GoDTNiVricPSKn6C6hRANCAAQTlEJ2Xasse9lRhUirP1Zz6i7zH5fgAFhHnw1oonYm8tM2kpqyyAD5IzKOXo/obn49leQS7P1XmDsRw/eqjYAL",
    		"JWT-Signer-B": "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgObs5vVhLvoHO349i3P1X9hlf1cAGC0iA0/6+Y/fYGvChRANCAATBmo5g42kOpBw/aEyxlSffBGVvamTBm/bDeUfNkqy4k5pr/wK7yLbDRxl0YCtvSoXFB2hxs+6222vIQ3+dWdfp",
    		"x509-CA-A": "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQga4xeagmZeT1B29jUv9CFXgUWPVka2FlqKZQ3Bw/hEemhRANCAATM75ZpjbwkHcCJYE4H6napYghA05d4X1IAYh2tDEche2W0gUObvfsjL6Arxm3WN/7V93qWMFJVr5Jy+4WsWAE5",
    		"x509-CA-B": "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg06KFqwc0Tljmf6bU/fVX9IJKjJF41FCNJgbh4OIpSTOhRANCAATGywSg/e4Ma9Uoeajd6R/56677gUTHUapRHn/+hdUaui4liR2AaMushF+cnhmaPpVsUdU715Hr0BLVa3m6cFCg"
    	}
    }
    """

  static let agent = """
    {
    	"keys": {
    		"agent-svid-A": "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8f8JyRd7+CtTBIfdAyB/DwzSVIfyEa8uObid/1IOH7KhRANCAATIFVaeMgGNU8hZAg+ajnnu7HDhG1vNlcNH3rE/p8n1ivM/mzNBguaOil+nFXi/H4Mm/9QTJhPSacpUHhRYZlzN"
    	}
    }
    """
}
