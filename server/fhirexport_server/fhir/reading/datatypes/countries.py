"""Country codes of two and three letters (ISO 3166-1), from a code of either kind or a French name.

Source: ISO 3166-1; FR Core 2.2.0 writes an address's country in three letters, a nationality in two.
"""

import re
from typing import Final

from fhirexport_server.fhir.reading.datatypes.country_names import code_of

_TWO: Final = re.compile(r"[A-Z]{2}")
_THREE: Final = re.compile(r"[A-Z]{3}")
_PAIRS: Final = (
    "AWABW AFAFG AOAGO AIAIA AXALA ALALB ADAND AEARE ARARG AMARM ASASM AQATA TFATF AGATG AUAUS ATAUT AZAZE "
    "BIBDI BEBEL BJBEN BQBES BFBFA BDBGD BGBGR BHBHR BSBHS BABIH BLBLM BYBLR BZBLZ BMBMU BOBOL BRBRA BBBRB "
    "BNBRN BTBTN BVBVT BWBWA CFCAF CACAN CCCCK CHCHE CLCHL CNCHN CICIV CMCMR CDCOD CGCOG CKCOK COCOL KMCOM "
    "CVCPV CRCRI CUCUB CWCUW CXCXR KYCYM CYCYP CZCZE DEDEU DJDJI DMDMA DKDNK DODOM DZDZA ECECU EGEGY ERERI "
    "EHESH ESESP EEEST ETETH FIFIN FJFJI FKFLK FRFRA FOFRO FMFSM GAGAB GBGBR GEGEO GGGGY GHGHA GIGIB GNGIN "
    "GPGLP GMGMB GWGNB GQGNQ GRGRC GDGRD GLGRL GTGTM GFGUF GUGUM GYGUY HKHKG HMHMD HNHND HRHRV HTHTI HUHUN "
    "IDIDN IMIMN ININD IOIOT IEIRL IRIRN IQIRQ ISISL ILISR ITITA JMJAM JEJEY JOJOR JPJPN KZKAZ KEKEN KGKGZ "
    "KHKHM KIKIR KNKNA KRKOR KWKWT LALAO LBLBN LRLBR LYLBY LCLCA LILIE LKLKA LSLSO LTLTU LULUX LVLVA MOMAC "
    "MFMAF MAMAR MCMCO MDMDA MGMDG MVMDV MXMEX MHMHL MKMKD MLMLI MTMLT MMMMR MEMNE MNMNG MPMNP MZMOZ MRMRT "
    "MSMSR MQMTQ MUMUS MWMWI MYMYS YTMYT NANAM NCNCL NENER NFNFK NGNGA NINIC NUNIU NLNLD NONOR NPNPL NRNRU "
    "NZNZL OMOMN PKPAK PAPAN PNPCN PEPER PHPHL PWPLW PGPNG PLPOL PRPRI KPPRK PTPRT PYPRY PSPSE PFPYF QAQAT "
    "REREU ROROU RURUS RWRWA SASAU SDSDN SNSEN SGSGP GSSGS SHSHN SJSJM SBSLB SLSLE SVSLV SMSMR SOSOM PMSPM "
    "RSSRB SSSSD STSTP SRSUR SKSVK SISVN SESWE SZSWZ SXSXM SCSYC SYSYR TCTCA TDTCD TGTGO THTHA TJTJK TKTKL "
    "TMTKM TLTLS TOTON TTTTO TNTUN TRTUR TVTUV TWTWN TZTZA UGUGA UAUKR UMUMI UYURY USUSA UZUZB VAVAT VCVCT "
    "VEVEN VGVGB VIVIR VNVNM VUVUT WFWLF WSWSM YEYEM ZAZAF ZMZMB ZWZWE"
)
_THREE_LETTERS: Final = {pair[:2]: pair[2:] for pair in _PAIRS.split()}
_TWO_LETTERS: Final = {three: two for two, three in _THREE_LETTERS.items()}


def three_letters(text: str) -> str | None:
    """Return the three-letter code of a country, from either code or its French name."""
    name = text.strip().upper()
    # Codes that ISO reserves for users or has withdrawn are kept.
    if _THREE.fullmatch(text) or name in _TWO_LETTERS:
        return name
    return _THREE_LETTERS.get(name) or code_of(text)


def two_letters(text: str) -> str | None:
    """Return the two-letter code of a country, from either code or its French name."""
    name = text.strip().upper()
    if _TWO.fullmatch(text) or name in _THREE_LETTERS:
        return name
    return _TWO_LETTERS.get(three_letters(name) or "")
