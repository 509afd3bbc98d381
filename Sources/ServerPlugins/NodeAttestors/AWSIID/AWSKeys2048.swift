/// The public keys with which Amazon EC2 signs PKCS #7 instance documents, by region (SubjectPublicKeyInfo), as Amazon
/// publishes them in the certificates of its user guide.
enum AWSKeys2048 {
  /// The key of a region, base64; nil for a region that Amazon has published none for.
  static func key(of region: String) -> String? {
    switch region {
    case "af-south-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAy7/WHBBHOrk+20aumT07g8rxrSM0UXgki3eYgKauPCG4Xx//vwQbuZwI\
      oeVmR9nqnhfij2wOcQdbLandh0EGtbxerete3IoXzd1KXJb11PVmzrzyu5SPBPuPiCeV4qdjjkXo2YWM6t9YQ911hcG96YSp89TB\
      XFYUh3KLxfqAdTVhuC0NRGhXpyiij/czo9njofHhqhTr7UEyPun8NVS2QWctLQ86N5zWR3Q0GRoVqqMrJs0cowHTrVw29Qr7QBjj\
      BOVbyYmtYxm/DtiKprYV/e6bCAVok015X1sZDd3oCOQNoGlv5XbHJe2oJFD8GRRy2rkWO/lNwVFDcwec6zC3QwIDAQAB
      """
    case "ap-east-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4T1PNsOg0FDrGlWePoHeOSmOJTA3HCRy5LSbYD33GFU2eBrOIxoU/+SM\
      rInKu3GghAMfH7WxPW3etIAZiyTDDU5RLcUq2Qwdr/ZpXAWpYocNc/CEmBFtfbxFz4uwBIN3/drM0RSbe/wP9EcgmNUGQMMZWeAj\
      i8sMtwpOblNWAP9BniUG0Flcz6DpuPovwDTLdAYT3TyhzlohKL3f6O48TR5yTaV+3Ran2SGRhyJjfh3FRpP4VC+z5LnTWPQHN74K\
      dq35UgrUxNhJraMGCzznolUuoR/tFMwR93401GsM9fVA7SW3jjCGF81zPSzjy+ArKyQqIpLW1YGWDFk3sf08FQIDAQAB
      """
    case "ap-east-2":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA91FXs9Wk9kMI3lkNhjC69C6RTBpSvdLWSohPDlJKXFoaGYIDtyW1ViwO\
      FORAKz0koarVBx1D4fNKCxf+mhYAf//4Pxt31GzjehHNs2YVGimwhq/SNr+3AuIOPibA+qScXamaiknE1Pxb4jisbBu2PMAG9OxU\
      2dESNwiqBMvdJvg30YNTUITZ6r0eMPjR1Y/EFVx/SLHW6wdvwqhNi9hz8HHdThzjCbCQPvmoLBJIKXIfosKqvauSezt1KJSoS2jM\
      x1OjJB2bBlQTZC8vF0WFNPoiH4jXyJ6+wMUMNSSd5b3uL5stVTMzuIz439Hd5YW41rmAy+6jmpGp2eXn6Td0rQIDAQAB
      """
    case "ap-northeast-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAz0djWUcmRW85C5CiCKPFiTIvj6y2OuopFxNE5d3Wtab10bm06vnXVKXu\
      tz3AndG+Dg0zIL0gMlU+QmrSR0PH2PfV9iejfLak9iwdm1WbwRrCEAj5VxPe0Q+IKeznOtxzqQ5Wo5NLE9bA61sziUAFNVsTFUzp\
      hEwRohcekYyd3bBC4v/RuAjCXHVx40z6AIksnAOGN2VABMlTeMNvPItKOCIeRLlllSqXX1gbtL1gxSW40JWdF3WPB68Ee+/1U3F7\
      OEr7XqmNODOL6yh92QqZ8fHjG+afOL9Y2Hc4g+P1nk4w4iohQOPABqzbMPjK7B2Rze0f9OEc51GBQu13kxkWWQIDAQAB
      """
    case "ap-northeast-2":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA66iNv6pJPmGM20W8HbVYJSlKcAg2vUGx8xeAbzZIQdpGfkabVcUHGB6m\
      Gy59VXDMDlrJckDDk6dxUOhmcX9z785TtVZURq1fua9QosdbTzX4kAgHGdp4xQEsmO6QZqg5qKjBP6xr3+PshfQ1rB8Bmwg0gXEm\
      22CC7o77+7N7Mu2sWzWbiUR7vil49FjWS8XmMNwFTlShp4l1TDTevDWW/uYmC30RThM9S4QPvTZ0rAS18hHVam8BCTxaLHaVCH/Y\
      y52rsz0hM/FlghnSnK105ZKj+b+KIp3adBL8OMCjgc/Pxi0+j3HQLdYE32+FaXWU84D2iP2gDT28evnstzuYTQIDAQAB
      """
    case "ap-northeast-3":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArznEYef8IjhrJoazI0QGZkmlmHm/4rEbyQbMNifxjsDE8YWtHNwaM91z\
      zmyK6Sk/tKlWxcnl3g31iq305ziyFPEewe5Qbwf1iz2cMsvfNBcTh/E6u+mBPH3JgvGanqUJt6c4IbipdEouIjjnynyVWd4D6erL\
      l/ENijeR1OxVpaqSW5SBK7jms49Epw3wtbchEl3qsE42Ip4IYmWxqjgaxB7vps91n4kfyzAjUmklcqTfMfPCkzmJCRgpVh1C79vR\
      QhmriVKD6BXwfZ8tG3a7mijeDn7kTsQzgO07Z2SAE63PIO48JK8HcObHtXORUQ/XF1jzi/SIaUJZT7kq3kWl8wIDAQAB
      """
    case "ap-south-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0LSS5I/eCT2PM0+qusorBx67QL26BIWQHd/yF6ARtHBb/1DdFLRqE5Dj\
      07Xw7eENC+T79mOxOAbeWg91KaODOzw6i9I/2/HpK0+NDEdD6sPKDA1d45jRra+vCqAjI+nV9Vw91wv7HjMk3RcjWGziM8/hw+3Y\
      NIutt7aQzZRwIWlBpcqx3/AFd8Eu2UsRMSHgkGUW6UzUF+h/U8218XfrauKNGmNKDYUhtmyBrHT+k6J0hQ4pN7fe6h+Zw9RVHm24\
      BGhlLxLHLmsOIxvbrF277uX9Dxu1HfKfu5D2kimTY7xSZDNLR2dt+kNY/+iWdIeEFpPT0PLSILt52wP6stF+3QIDAQAB
      """
    case "ap-south-2":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAg29QEFriG+qFEjYW/v62nN70lMJY/Hevx5TtmU/VIYBPQa3HUGTBAbbI\
      2Tmy8UMpa8kZeaYeI3RAfiQWt0Ws7wUrBuO2Pdp518WDPaJUH7RWEuu1BDDkyZRWNAMNPCn3ph7Od243IFcLGku7HVekel5poqRp\
      SfojrMasjlf+CvixUeAJbmFoxUHKkh5unzG2sZyO4wHXcJPQkRf5a8zSTPe9YZP1kXPPEv4p/jTSggaYPxXyS6QVaTlVzLeLFZ0f\
      esLPMeil3KYQtV7IKLQiEA2F6dxWnxNWQlyMHtdq6PucfEmVx17i/XzayNBRo0azY8WUNVkEXrRhp/pU8Nh3GQIDAQAB
      """
    case "ap-southeast-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlaSSLfBl7OgmikjLReHuNhVuvM20dCsVzptUyRbut+KmIEEc24wd/xVy\
      2RMIrydGedkW4tUjkUyOyfET5OAyT43jTzDPHZTkRSVkYjBdcYbe9o/0Q4P7IVS3XlvwrUu0qo9nSID0mxMnOoF1l8KAqnn10tQ0\
      W+lNSTkasW7QVzcb+3okPEVhPAOqMnlY3vkMQGI8zX4iOKbEcSVIzf6wuIffXMGHVC/JjwihJ2USQ8fq6oy686g54P4wROg415kL\
      YcodjqThmGJPNUpAZ7MOc5Z4pymFuCHgNAZNvjhZDA842Ojecqm62zcmTzh/pNMNeGCRYq2EQX0aQtYOIj7bOQIDAQAB
      """
    case "ap-southeast-2":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmRcyLWraysQS8yDC1b5Abs3TUaJabjqWu7d5gHik5Icd6dKl8EYpQSeS\
      vz6pLhkgO4xBbCRGlgE8LS/OijcZ5HwdrxBiKbicR1YvIPaIyEQQvF5sX6UWkGYwMa5IRGj4YbRmJkBybw+AAV9Icb5LJNOMWPi3\
      4OWM+2tMh+8L234v/JA6ogpdPuDrsM6YFHMZ0NWo58MQ0FnEj2D7H58Ti//vFPl0TaaPWaAIRF85zBiJtKcFJ6vPidqKf2/SDuAv\
      ZmyHC8ZBHg1moX9bR5FsU3QazfbW+c+JzAQWHj2AaQrGSCITxCMlS9sJl51DeoZBjnx8cnRe+HCaC4YoRBiqIQIDAQAB
      """
    case "ap-southeast-3":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvUsKCxoH6KXRYJLeYTWAQfaBQeCwhJaR56mfUeFHJE4g8aFjWkiN4uc1\
      TvOyYNnIZKTHWmzmulmdinWNbwP0GiROHb/i7ro0HhvnptyycGt8ag8affiIbx5X7ohdwSN2KJ6G0IKflIx7f2NEI0oAMM/9k+T1\
      eVF+MVWzpZoiDp8frLNkqp8+RAgzScZsbRfwv3u/if5xJAvdg2nCkIWDMSHEVPoz0lJo7v0ZuDtWWsL1LHnL5ozvsKEk+ZJyEi23\
      r+U1hIT1NTBdp4yoigNQexedtwCSr7q36oOdDwvZpqYlkLi3uxZ4ta+a01pzOSTwMLgQZSbKWQrpMvsIAPrxoQIDAQAB
      """
    case "ap-southeast-4":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA2BYgeCr+Rk/jIAEDOHS7wJql62vc83QEwjuzk0qOFEReIZzlN1fBRNXK\
      g0T178Kd3gLYcE59wEFbTe/X5yOA1Lo95x1anSAo7R+Cisf9C2HQuJp+gVb+zx71lniPF7gHziGpm0M8DdAU/IW+wkZwGbP4z7Hq\
      9+bJ0P2ltvPJ5yxSgkFuDsI9VBHaCLoprHsCHh2VdP8KcMgQQMmHe1NmBpyTk0ul/aLmQkCQEX6ZIRGOeq228fwlh/t+Ho+jv87d\
      uihVKic6MrL32SlD+maX0LSDUydWdaOLLTGkh7oV7+bFuH6msrXUu+UrZEP1r/MidCWMhfgrFzeTBzOHA97qxQIDAQAB
      """
    case "ap-southeast-5":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAt3aMy7Hsp4ySG3mlfi+pdTcZw6H6XNU1Y36fNdi4c+MzinQQbnqMPyt7\
      QLgU+XCWmcWsVo7GQF6n9N01Rh+UXXUZU4jcXlFocQPCWf9O+IIIIPXkd67kFMUVHAxCELjfxHbC+I8e7dwOJhmdF4Bfi52Ty8zz\
      0HdE8JDypPkTDlXuGvTgDyW7NP56I/vlQaXLoYSbcQe5pv2a9gyBaaCM1QoeqwAHAeCNXb9Nuj9ZX3GHGJb3TuqAeKCD5i9TscCB\
      9XjY6Fx+zfSAobjBZwgLEtLOwJhbZnKmx4gJMaaNFipAjVT2FSS3+yeveTYBoa1dvhk0ivQyQIPpHmihrmkWuwIDAQAB
      """
    case "ap-southeast-6":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArbid9Tnunu0pWCQUqZCkGeiF8hWixi+LBS1AOew2UsT9keAt2rXXGlU/\
      wSMriKHsvcrfKtuVKj5chArsOyFvagszH5lIKhI+GfWVQEd2aZiOvAJ+iRUQq1+RgOr2gyjWlf3znZXTcyhHcJoXDhbn5e+kEa3p\
      wS4yKNRpM3P61V4M2702xis08hjPqMDxwXMa1Fiy4b7nAyNQifgrwb3bCA5k5prmkl/iajaWa1zMMFgLI9vA6UwUSbTKH9iOuL/x\
      NfMX+Xzq4CCaQYiJ8zdi56kqnB/lrA05NSjOPLskg6sUGkyiDxGK4gzCDFrO6oygcdlBaxnyAECGdJcOM6TOmwIDAQAB
      """
    case "ap-southeast-7":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxtMGK4r6WerVtMfpRRCY3DMP9Q/s4jnRIqolPaxeT99BAFp03HXyOrTz\
      WjggEHArRGGeDowFkL7Vj+QNY7ran2lnYVlAQ7Ow6OLl6WttT6lMsgsLUIcsED6GeJ1Ko+ovT1qvmuush1U5R2pHkcCJ1IT2s6uQ\
      ff85l066K7dCFpaoA1QHUk9zACHji0DtWuTAWBXirAZSGlmtP6uj1Aw6y5kACDTjIvZJeW/kmswfApTKaJ56eNkJsUBUNpKwt3um\
      1BMZduy0cjUv0Sc3dIbLNyfOdyPn8tX5u5ck0EPdtBB5WjEh71IXdZJDoaBREV7AHg5ERPQsm0BqSvMQt09KiwIDAQAB
      """
    case "ca-central-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAhDUh6j1ACSt057nSxAcwMaGr8Ez87VA2RW2HyY8l9XoHndnxmP50Cqld\
      +26AJtltlqHpI1YdtnZ6OrVgVhXcVtbvte0lZ3ldEzC3PMvmISBhHs6A3SWHA9lnInHbToLX/SWqBHLOX78HkPRaG2k0COHpRy+f\
      G9gvz8HCiQaXCbWNFDHZev9OToNIxhXBVzIa3AgUnGMalCYZuh5AfVRCEeALG60kxMMC8IoAN7+HG+pMdqAhJxGUcMO0LBvmTGGe\
      Whi04MUZWfOkwn9JjQZuyLg6B1OD4Y6s0LB2P1MovmSJKGY4JcF8Qu3zxxUbl7Bh9pvzFR5gJN1pjM2n3gJEPwIDAQAB
      """
    case "ca-west-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1GP5os424BJmGPCKOSgOclP7lzUiB85du03M4hfjzSOszsBpmBGFDLz1\
      owYHtIxlq3+Vi1Lt5Qlx3id/ov1QyaBPFWXVeklHVXy9vieCcI3TdjGjTl1W/8MMm3X26QPcsnHM/Kk2wJ7s186MrqmdSsp3SCPp\
      xv4vEG2Q9yR2bXY41hpc2rWlW8qUD0JGXluvmmAdFnto20l1XWZ6xFen1h60DRugek/ufCbN+ljKy0xLqPoavH0YbjsbUpsAsBs7\
      phaoN+X/5hIERfbp5LfVnqq54pNG5KNu4KynfW9+kA/WS4cJ6FTTN5t+y0P1HvcL+BL2RuDy6T2bB21xw5WqtQIDAQAB
      """
    case "cn-north-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvVBz+WQNdPiM9S+aUULOQEriTmNDUrjLWLr7SfaOJScBzis5D5ju0jh1\
      +qJdkbuGKtFX5OTWTm8pWhInX+hIOoS3exC4BaANoa1A3o6quoG+Rsv72qQf8LLHsgEi6+LMlCN9TwnRKOToEabmDKorss4zFl7V\
      SsbQJwcBSfOcIwbdRRaW9Ab6uJHu79L+mBR3Ea+G7vSDrVIA8goAPkae6jY9WGw9KxsOrcvNdQoEkqRVtHo4bs9fMRHUEtphj2gh\
      4ObXlFN92VtvzD6QBs3CcoFWgyWGvzg+dNG5VCbsiiuRdmii3kcijZ3HNv1wCcZoEAqH72etVhsuvNRC/xAP8wIDAQAB
      """
    case "cn-northwest-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsOiGi4A6+YTLzCdIyP8b8SCT2M/6PGKwzKJ5XbSBoL3gsnSWiFYqPg9c\
      uJPNbiy9wSA9vlyfWMd90qvTfiNrT6vewP813QdJ3EENZOx4ERcf/Wd22tV72kxDyw1Q3I1OMH4bOItGQAxU5OtXCjBZEEUZooOk\
      U8RoUQOU2Pql4NTiUpzWacNutAn5HHS7MDc4lUlsJqbN+5QW6fFrcNG/0Mrib3JbwdFUNhrQ5j+Yq5h78HarnUivnX/3Ap+oPben\
      tv1qd7wvPJu556LZuhfqI0TohiIT1Ah+yUdN5osoaMxTHKKtf/CsSJ1Fw3qXqFJQA0VWsqjFyHXFI32I/GOupwIDAQAB
      """
    case "eu-central-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAka8FLhxs1cSJGK+Q+q/vTf8zVnDAPZ3U6oqppOW/cupCtpwMAQcky8DY\
      Yb62GF7+C6usniaq/9W6xPn/3o//wti0cNt6MLsiUeHqNl5H/4U/Q/fR+GA8pJ+LnpqZDG2tFi1WMvvGhGgIbScrjR4VO3TuKy+r\
      ZXMYvMRk1RXZ9gPhk6evFnviwHsEjV5AEjxLz3duD+u/SjPp1vloxe2KuWnyC+EKInnka909sl4ZAUh+qIYfZK85DAjmGJP4W036\
      E9wTJQF2hZJrzsiB1MGyC1WI9veRISd30izZZL6VVXLXUtHwVHnVASrSzZDVpzj+3yD5hRXsvFigGhY0FCVFnwIDAQAB
      """
    case "eu-central-2":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyn+Lsnq1ykrfYlZkk6aAAYNReNd9Iw8AUwCBkgOr2eBiBBepYxHwU85N\
      ++moQ+j0EV2VaahBeTLShGZZS1HsyK8+cYT2QzpghIoamcYhrPXyIxlWiRQlaqSgOFiE9bsqL3rCF5Vz+tOiTe5W/7ojfOFls6++\
      g7ZpobwJlpMbuJepqyeHMPyjvO5Aage81lJewc4bxo2ntaW0HCqNksqfYB78j6X6kn3PFpX7FaYAwZA+Xx6C7UCY7rNiUdQzfAo8\
      htfJi4chz7frpUdQ9kl3IOQrsLshBB5fFUjl09NiFipCGBwi+8ZMeSn15qwBI01BWXPfG7WX6Owyjhmh6JtE1wIDAQAB
      """
    case "eu-north-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzwCGJEJIxqtr2PD2a1mA6LhRzKhTBa1AZsg3eYfpETXIVlrpojMfvVoN\
      qHvGshWLgrGTT6os/3gsaADheSaJKavxwX3X6tJA8fvEGqr3a1C1MffH9hBWbQqCLbfUTAbkwis4GdTUwOwPjT1Cm3u9R/VzilCN\
      wkj7iQ65AFAI8Enmsw3UGldEsop4yChKB3KW3WI0FTh0+gD0YtjrqqYJxpGOYBpJp5vwdd3fZ4t1vidmDMs7liv4f9Bxp0oSmUob\
      U4GUlFhBchK1DukICVQdnOVzdMonYm7s+HtpFbVHR8yf6QoixBKGdSalmBf7+y0ixjCn0pnC0VLVooGo4mi17QIDAQAB
      """
    case "eu-south-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAv1ZLV+Z/P6INq+R1qLkzETBg7sFGKPiwHekbpuB6lrRxKHhj8V9vaReM\
      lnv1Ur5LAPpMPYDsuJ4WoUbPYAqVqyMAo7ikJHCCM1cXgZJefgN6z9bpS+uA3YVhV/0ipHh/X2hc2S9wvxKWiSHu6Aq9GVpqL035\
      tJQD+NJuqFd+nXrtcw4yGtmvA6wl5Bjn8WdsP3xOTKjrByYY1BhXpP/f1ohU9jE9dstsRXLa+XTgTPWcWdCS2oRTWPGRc5Aeh47n\
      nDsyQfP9gLxHeYeQItV/BD9kU/2Hn6mnRg/B9/TYH8qzlRTzLapXp4/5iNwusrTNexGl8BgvAPrfhjDpdgYuTwIDAQAB
      """
    case "eu-south-2":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuAAhuSpsHC00/fD2zNlBDpNLRndi9qbHsNeuz3WqN7Samj2aSrM2hS+i\
      hUxx0BspZj0tZCOsbpPZ+i74NOEQtFeqQoEGvKhB1nJiF4y5I81HDhs5qHvoIivm7rbbik3zgm1PqS/DmDjVQaXPcD31Rd9ILwBm\
      WEwJqHigyNVlxYtCzTQcrlBrvNZMdnNgCDAdX/HBEFxx9O12xeu0bSt0s+PJWZ1RTbYrNe7LIH6ntUqHxP/ziQ5trXEZuqy7aWk1\
      L8uK4jmyNph0lbaqBa3Y6pYmU1nC27UE4i3fnPB0LSiAr+SrwVvX1g4zilo8kr+tbIF+JmcgYLBvO8Jwp+EUqQIDAQAB
      """
    case "eu-west-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAjE7nVu+aHLtzp9FYV25Qs1mvJ1JXD7J0iQ1Gs/RirW9a5ZECCtc4ssnf\
      zQHq2JRVr0GRchvDrbm1HaP/avtFQR/Thvfltwu9AROVT22dUOTvERdkNzveoFCyhf52Rqf0DMrLXG8ZmQPPXPDFAv+sVMWCDftc\
      ChxRYZ6mP9O+TpgYNT1krD5PdvJU7HcXrkNHDYqbsg8A+Mu2hzl0QkvUET83Csg1ibeK54HP9w+FsD6F5W+6ZSHGJ88lFI+qYKs7\
      xsjJQYgXWfEt6bbckWs1kZIaIOyMzYdPF6ClYzEec/UhIe/uJyUUNfpTVIsI5OltBbcPF4c7Y20jOIwwI2SgOQIDAQAB
      """
    case "eu-west-2":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArYS3mJLGaMrh2DmiPLbqr4Z+xWXTzBWCjOwpsuHE9H6dWUUyl2Bgnu+Z\
      d8QvW306Yleec45M4F2RA3J4hWHtShzsMlOJVRt+YulGeTf9OCPr26QmIFfs5nD4fgsJQEry2MBSGA9Fxq3Cw6qkWcrOPsCR+bHO\
      U0XykdKl0MnIbpBf0kTfciAupQEAdEHnM2J1L2iI0NTLBgKxy5PXLH9weX20BFauNmHH9/J07OpwL20SN5f8TxcM9+pjLbk8h1V4\
      KdIwVQpdWkbDL9BCGlYjyadQJxSxz1J343NzrnDM0M4h4HtVaKOS7bQoBqt2ruopLRCYgcuFHck/1348iAmbRQIDAQAB
      """
    case "eu-west-3":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAy5V7KDqnEvF3DrSProFcgu/oL+QYD62b1U+Naq8aPuljJe127Sm9WnWA\
      EBdOSASkOaQ9fzjCPoG5SGgWKxYoZjsevHpmzjVv9+Ci+F57bSuMbjgUbvbRIFUBbxQojVoXQPHgK5v433ODxkQ4sjRyUbf4YV1A\
      FdfU7zabC698YgPVOExGhXPlTvco8mlc631ubw2g52j0lzaozUkHPSbknTomhQIvO6kUfX0e0TDMH4jLDG2ZIrUB1L4rOWKG4Ket\
      duFrRZyDHF6ILZu+s6ywiMicUd+2UllDFC6oas+a8D11hmO/rpWU/ieVjj4rWAFrsebpn+Nhgy96iiVUGS2LuQIDAQAB
      """
    case "eusc-de-east-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr24OkDrpRU1ffx1PAcHZbKu7fZkhfT/e/PDhSkp2FvOzJEqDUT23E2wp\
      K/44mhJ3d8blYtgBiRXjqRsAFu8ZbzXLc0gaQ9A5woxfx5b7iOMwneCajS9xS5qrcE0MMEY9XwG8MCp9YBoDJqDJh74oQqcPROBq\
      16L4k2Ys22n1khus4JpwT7VSRE1Innt7fGIYsUmNGM+T2E6ubG3FvkY0HbLvNCcGRMCnDYqloo2BthuSG58KbMAku7VDhMxzzJte\
      5yMuRpHBojQr9N0hZcSJCtSFo6FhlxCzxGzwoSKzqm99ULYL4lf+IOReDaKoATZJvbnX0LYAKLtPr1Pz9SD9pQIDAQAB
      """
    case "il-central-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA13PkyWvl61iV/SYfO1UFO76UpDfPm2SF/Rz/o33cm699X++EYPxTnoEc\
      vmWeS0I7eDXc4OCUiToG0sEx0klE0CX1Z1tK6qJ+zgWQLZ9SZEC9H0NsSA6LhrHuNq0dzeK3LjhdfcX46/4GqdiptpdTuM4m/hOQ\
      5yx4JMQ/n1sdpv4M5VLRWwWW9Lemufb79Id7O9SispxgRsz1KXIjp7N9S4BY7itSXz97uSyzTqEjWZ6mDUhTu3t21GKC6flALGTT\
      rG2yghEhz53rkvLsvwzjPSSlT6LIf0mrRPzHaf+EdaKoasElE1SHh+ZH9mI81HywpE+HZ+W+5hBCvjYp90Y1fwIDAQAB
      """
    case "me-central-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApybTWfMOhSoMpqPo72eqAmnn1dXGZM+G8EoZXzwHwT/+IHEXNB4q5N6k\
      tudYLre1bJxuzEw+iProSHjmb9bB9YscRTofjVhBlt35Fc+i8BaMeH94SR/eE8QOmll8gnLNW3d62lyuhzuyv1e5wVlRqzYw+X2z\
      RH4/wRDOCOpzjKoHIgyPKsMgwsw5aTZhNMsGxZN9dbkf0iCGeQLDytwU/JTh/HqvSr3VfUOapTJJiyAxoCtZWgp1/7wCRvOCSMRJ\
      obpUqxZgl/VsttwNkikSFz1wGkcYeSQvk+odbnYQckA8tdddoVI56eD4qtREQvfpMAX5v7fcqLexl5d5vH8uZQIDAQAB
      """
    case "me-south-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAy4Vnit2eBpEjKgOKBmyupJzJAiT4fr74tuGJNwwa+Is2vH12jMZn9Il1\
      UpvvEUYTIboIgISpf6SJ5LmV5rCv4jT4a1Wm0kjfNbiIlkUi8SxZrPypcw24m6keBVuxQZrZDs+xDUYIZifTmdgD50u5YE+TLg+Y\
      mXKnVgxBU6WZjbuK2INohi71aPBw2zWUR7Gr/ggIpf635JLU3KIBLNEmrkXCVSnDFlsK4eeCrB7+UNak+4BwgpuykSGGOp9+2vsu\
      NqFeU1l9daQeG9roHR+4rIWSPa0opmMxv5nctgypOrE6zKXx2dNXQlddVULv+WH7s6Vm4+yBeG8ctPYH5GOo+QIDAQAB
      """
    case "mx-central-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA13xWucALo8M/TXbZJgHrqFqFON91dSLPE/eLbmeIJbP1pb9ICd33qKAx\
      HlKSrXI9b9YS3U1Pl0bF3ZgfeE/x4Y0KDDZwzpf07H8IgRittULJoNLYVKCJXWPqKy1qvDJX3653dUbUu9eAdVCTRgk7eKpPBLAm\
      W27+pgAGzEYrVV3u2AvqNTonvfTUsPgEVnAL1J490pNM85KtFynxFTWGigHkd3BHidxmLrTH4I4eRxNZ9q/3gsDW+zKtjQlpM7Jz\
      Za2OqxsF5YQDh1fF52Emqsr+ufLeGqDLOgT1QWcqpz57AX8GqZpgZULoitCRNXbQDzZY9FxIgpiFJv3y/qYYDQIDAQAB
      """
    case "sa-east-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAw45IhGZVbQcy1fHBqzROhO8CsrDzxj/WP4cRbJo/2DAnimVrCCDs5O86\
      FA39Zo1xsDuJHDlwMKqeXYXkJXHYbcPWc6EYYAnR+PlLG+aNSOGUzsy202S03hT0B20hWPCqpPp39itIRhG4id6nbNRJOzLm6evH\
      uepMAHR4/OV7hyGOiGaV/v9zqiNApMCLhbh2xk0PO35HCVBuWt3HUjsgeks2eEsu9Ws6H3JXTCfiqp0TjyRWapM29OhAcRJfJ/d/\
      +wBTz1fkWOZ7TF+EWRIN5ITEadlDTPnF1r8kBRuDcS/lIGFwrOOHLo4CcKoNgXkhTqDDBDu6oNBb2rS0K+sz3QIDAQAB
      """
    case "us-east-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAjS2vqZu9mEOhOq+0bRpAbCUiapbZMFNQqRg7kTlr7Cf+gDqXKpHPjsng\
      SfNz+JHQd8WPI+pmNs+q0Z2aTe23klmf2U52KH9/j1k8RlIbap/yFibFTSedmegXE5r447GbJRsHUmuIIfZTZ/oRlpuIIO5/Vz7S\
      Oj22tdkdY2ADp7caZkNxhSP915fk2jJMTBUOzyXUS2rBU/ulNHbTTeePjcEkvzVYPahD30TeQ+/A+uWUu89bHSQOJR8hUm4cFApz\
      ZgN3aD5j2LrSMu2pctkQwf9CaWyVznqrsGYjYOY66LuFzSCXwqSnFBfvfFBAFsjCgY24G2DoMyYkF3MyZlu+rwIDAQAB
      """
    case "us-east-2":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA6v6kGMnRmFDLxBEqXzP4npnL65OO0kmQ7w8YXQygSdmNIoScGSU5wfh9\
      mZdcvCxCdxgALFsFqPvH8fqiE9ttI0fEfuZvHOs8wUsIdKr0Zz0MjSx3cik4tKETch0EKfMnzKOgDBavraCDeX1rUDU0Rg7HFqNA\
      Ory3uqDmnqtk00XC9GenS3z/7ebJfIBEPAam5oYMVFpX6M6St77WdNE8wEU8SuerQughiMVx9kMB07imeVHBiELbMQ0NlwSWRL/6\
      1fA02keGSTfSp/0m3u+lesf2VwVFhqIJs+JbsEscPxOkIRlzy8mGd/JVONb/DQpTedzUKLgXbw7KtO3HTG9iXQIDAQAB
      """
    case "us-gov-east-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAva9xsI9237KYb/SPWmeCVzi7giKNron8hoRDwlwwMC9+uHPd53UxzKLb\
      pTgtJWAPkZVxEdl2Gdhwr3SULoKcKmkqE6ltVFrVuPT33La1UufguT9k8ZDDuO9ChQNHUdSVEuVrK3bLjaSsMOS7Uxmnn7lYT990\
      IReowvnBNBsBlcabfQTBV04xfUG0/m0XUiUFjOxDBqbNzkEIblW7vK7ydSJtFMSljga54UAVXibQt9EAIF7B8k9l2iLamu9yEjyQ\
      y+ZQICTuAvPUEWe6va2CHVY9gYQLA31/zU0VBKZPTNExjaqK4j8bKs1/7dOV1so39sIGBz21cUBec1o+yCS5SwIDAQAB
      """
    case "us-gov-west-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzIcGTzNqie3f1olrrqcfzGfbymSM2QfbTzDIOG6xXXeFrCDAmOq0wUhi\
      3fRCuoeHlKOWAPu76B9os71+zgF22dIDEVkpqHCjBrGzDQZXXUwOzhm+PmBUI8Z1qvbVD4ZYhjCujWWzrsX6Z4yEK7PEFjtf4M4W\
      8euw0RmiNwjy+knIFa+VxK6aQv94lW98URFP2fD84xedHp6ozZlr3+RZSIFZsOiyxYsgiwTbesRMI0Y7LnkKGCIHQ/XJOwSISWaC\
      ddbu59BZeADnyhl4f+pWaSQpQQ1DpXvZAVBYvCH97J1oAxLfH8xcwgSQ/se3wtn095VBt5b7qTVjOvy6vKZazwIDAQAB
      """
    case "us-west-1":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApHQGvHvq3SVCzDrC7575BW7GWLzcj8CLqYcL3YY7Jffupz7OjcftO57Z\
      4fo5Pj0CaS8DtPzh8+8vdwUSMbiJ6cDd3ooio3MnCq6DwzmsY+pY7CiI3UVG7KcH4TriDqr1Iii7nB5MiPJ8wTeAqX89T3SYaf6V\
      o+4GCb3LCDGvnkZ9TrGcz2CHkJsjAIGwgopFpwhIjVYm7obmuIxSIUv+oNH0wXgDL029Zd98SnIYQd/njiqkzE+lvXgk4h4Tu17x\
      ZIKBgFcTtWPky+POGu81DYFqiWVEyR2JKKm2/iR1dL1YsT39kbNg47xYaR129sS4nB5Vw3TRQA2jL0ToTIxzhQIDAQAB
      """
    case "us-west-2":
      """
      MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA02Y59qtAA0a6uzo7nEQcnJ26OKF+LRPwZfixBH+EbEN/Fx0gYy1jpjCP\
      s5+VRNg6/WbfqAsV6X2VSjUKN59ZMnMY9ALA/Ipz0n00Huxj38EBZmX/NdNqKm7CqWu1q5kmIvYjKGiadfboU8wLwLcHo8ywvfgI\
      6FiGGsEO9VMC56E/hL6Cohko11LWdizyvRcvg/IidazVkJQCN/4zC9PUOVyKdhW33jXy8BTg/QH927QuNk+ZzD7HH//ytIYxDhR6\
      TIZsSnRjz3bOcEHxt1nsidc65mY0ejQty4hy7ioSiapw316mdbtE+RTNfcH9FPIFKQNBpiqfAW5Ebp3Lal3/+wIDAQAB
      """
    default: nil
    }
  }
}
