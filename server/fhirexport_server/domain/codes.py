"""Code lists: the values that coded columns may hold, as the profiles bind them.

The store's checks refuse all other values. Sources: FR Core 2.2.0, FHIR R4 (4.0.1),
IHE PAM National Extension France 2.11.1; each list names its own.
"""

from typing import Final

# --- structure -----------------------------------------------------------------------------------

# Kinds of organisational unit, each with its code in fr-core-cs-v2-3307.
ORG_KIND: Final = {
    "EG": "GEOGRAPHICAL-ENTITY",
    "POLE": "POLE",
    "DEPARTMENT": "DEPARTEMENT",
    "SERVICE": "SERVICE",
    "SECTOR": "SECTEUR",
    "UM": "UM",
    "CR": "CENTRE-RESP",
    "CA": "CENTRE-ACTIVITE",
    "INTERNAL": "STRUCT-INTERNE",
    "UF": "UF",
    "UAC": "UAC",
}
# Kinds of place, each with its code in fr-core-cs-location-type; a UH has none.
PLACE_KIND: Final = {
    "UH": None,
    "ROOM": "CHAMB",
    "BED": "LIT",
    "BUILDING": "BAT",
    "FLOOR": "ETAG",
    "CORRIDOR": "COUL",
    "WING": "AILE",
    "BOX": "BOX",
    "PLATFORM": "PL_TECH",
    "COLLECTION_POINT": "PNT_CLCT",
    "DELIVERY_POINT": "PNT_LVRSN",
    "EXAM_ROOM": "SL_EXM",
    "CONSULTATION_ROOM": "SL_CONS",
}
# TRE_R66: fr-core-vs-categorie-sae-etablissement, required.
SAE_CATEGORY: Final = (
    "101 106 109 114 115 122 127 128 129 131 141 146 156 161 292 355 362 365 366 412 415 422 425 426 430 433 "
    "444 695 696 697 698 699"
).split()
# fr-core-vs-oragnization-type-activite (its own spelling), required: two digits, with gaps.
ACTIVITY_TYPE: Final = [
    f"{n:02}" for n in (*range(1, 22), *range(23, 27), 28, *range(30, 35), *range(37, 42), 97)
]
# fr-core-cs-champ-activite.
ACTIVITY_FIELD: Final = "MCO SMR HAD PSY EHPAD LG_SJR MSN_RTRT ATR".split()
# fr-core-cs-code-tarif-tnjp.
RATE: Final = (
    "03 04 11 50 48 45 20 26 12 90 23 24 25 53 52 49 51 27 70 13 54 14 55 57 58 91 92 93 94 95 96 97 87 88 "
    "31 32 33 34 35 36 37 38 39"
).split()
# fr-core-cs-location-type-chambre; only for rooms.
ROOM_TYPE: Final = "STD PRSN_NGTV PRSN_PSTV CRCRL CPTN".split()
# fr-core-cs-location-position-lit; only for beds.
BED_POSITION: Final = "FNTR CLR ML".split()
# location-status, required.
PLACE_STATUS: Final = "active suspended inactive".split()
# v2-0116, each with its display.
OPERATIONAL_STATUS: Final = {
    "C": "Closed",
    "H": "Housekeeping",
    "I": "Isolated",
    "K": "Contaminated",
    "O": "Occupied",
    "U": "Unoccupied",
}

# --- patients ------------------------------------------------------------------------------------

# Administrative gender; FR Core refuses R4's `other`.
GENDER: Final = {"M": "male", "F": "female", "U": "unknown"}
# fr-core-human-name prefix.
PREFIX: Final = "M MME".split()
# The precision of a date: day, month or year.
DATE_PRECISION: Final = "D M Y".split()
# fr-core-cs-v2-0445 without the three attributes HOMA, FICT, DOUT, which are columns of their own.
IDENTITY_STATUS: Final = (
    "VIDE PROV VALI DOUB DESA DPOT DOUA COLP COLV FILI CACH ANOM IDVER RECD IDRA USUR HOMD INVA"
).split()
# fr-core-cs-method-collection.
IDENTITY_METHOD: Final = "SM CV INSI CB RFID".split()
# fr-core-cs-mode-validation-identity, required.
IDENTITY_VALIDATION_MODE: Final = "AN CC CE CM CN CS LE PA PC TC DC AC IE".split()
# v3-MaritalStatus, fr-core-cs-marital-status#PACS and v3-NullFlavor#UNK.
MARITAL_STATUS: Final = "A C D I L M P S T U W PACS UNK".split()
# Kinds of patient identifier, each with the uses that its profile slice allows.
PATIENT_IDENTIFIER_USE: Final = {
    "IPP": ("usual", "temp", "secondary", "old"),
    "INS-NIR": ("official", "old"),
    "INS-NIA": ("official", "old"),
    "INS-NIR-TEST": ("official",),
    "INS-NIR-DEMO": ("official",),
    "INS-C": ("secondary",),
    "NDP": ("secondary",),
    "RRI": ("secondary",),
}
# The systems that the profile fixes; other kinds (IPP, RRI) take any absolute URI.
PATIENT_IDENTIFIER_SYSTEM: Final = {
    "INS-NIR": "urn:oid:1.2.250.1.213.1.4.8",
    "INS-NIA": "urn:oid:1.2.250.1.213.1.4.9",
    "INS-NIR-TEST": "urn:oid:1.2.250.1.213.1.4.10",
    "INS-NIR-DEMO": "urn:oid:1.2.250.1.213.1.4.11",
    "INS-C": "urn:oid:1.2.250.1.213.1.4.2",
    "NDP": "urn:oid:1.2.250.1.176.1.2",
}
# Identifiers that are exported only with a qualified identity.
INS_KIND: Final = ("INS-NIR", "INS-NIA", "INS-NIR-TEST", "INS-NIR-DEMO")
# The role of a contact: TRE_R260, TRE_R217 and v2-0131.
CONTACT_ROLE_CLASS: Final = "ECON GUARD QUAL POLHOLD CON CAREGIVER PAT PROV AGNT NOK".split()
CONTACT_ROLE_LEGAL: Final = "TUTEUR CURATEUR MSVG".split()
CONTACT_ROLE_V2: Final = "O U".split()
# The relation of a contact to the patient: TRE_R216.
CONTACT_RELATION: Final = (
    "MTH FTH NMTH NFTH STPMTH STPFTH GRMTH GRFTH GGRMTH GGRFTH DAU SON BRO SIS HBRO HSIS GRNDDAU "
    "GRNDSO UNCLE AUNT NEPHEW NIECE COUSIN HUSB WIFE DOMPART ROOM FRND NBOR FAMMEMB EXT SPS RESPRSN "
    "ADOPTF ADOPTM ADOPTP BROINLAW CHILD CHLDADOPT CHLDFOST CHLDINLAW COUSN DAUADOPT DAUC DAUFOST "
    "DAUINLAW FMRSPS FTHFOST FTHINLAW GESTM GGRPRN GRNDCHILD GRPRN HSIB MTHFOST MTHINLAW NBRO NIENEPH "
    "NPRN NSIB NSIS PRN PRNINLAW SIB SIBINLAW SIGOTHR SISINLAW SONADOPT SONC SONFOST SONINLAW STPBRO "
    "STPCHLD STPDAU STPPRN STPSIB STPSIS STPSON TWIN TWINBRO TWINSIS FTWIN FTWINBRO FTWINSIS GRNDSON "
    "ITWINBRO ITWINSIS MAUNT MCOUSN MGGRFTH MGGRMTH MGGRPRN MGRFTH MGRMTH MGRPRN MUNCLE NCHILD NFTHF "
    "NMTHF PAUNT PCOUSN PGGRFTH PGGRMTH PGGRPRN PGRFTH PGRMTH PGRPRN PRNFOST PUNCLE C G L P SELF "
    "FAMDEP STUD ITWIN "
).split()

# --- venues --------------------------------------------------------------------------------------

# PV1-2, each with its v3-ActCode class. N (no venue) has no Encounter, so no row.
PATIENT_CLASS: Final = {"E": "EMER", "I": "IMP", "O": "AMB", "R": "AMB", "V": "VR"}
# PV1-4: v2-0007, then fr-core-cs-type-admission.
ADMISSION_TYPE_V2: Final = "C L N R U".split()
ADMISSION_TYPE_FR: Final = "RM IE".split()
# PV1-14, PAM France's table 0023.
ADMIT_SOURCE: Final = "1 3 4 6 7 8 90 91".split()
# PV1-36: fr-core-cs-circonstances-sortie.
DISCHARGE_DISPOSITION: Final = "2 3 4 5 6 R E F A P S B REO PSA".split()
# The PAM events that insert a movement; an event that cancels one sets its state instead.
TRIGGER_EVENT: Final = "A01 A02 A03 A04 A05 A06 A07 A14 A15 A16 A21 A22 A54".split()
# A movement's state.
ACTIVE: Final = "active"
CANCELLED: Final = "cancelled"
MOVEMENT_STATE: Final = [ACTIVE, CANCELLED]
# ZBE-9, as real systems send it: each value is a set of letters.
NATURE: Final = "S H M L D SM SH MH LD HMS C MC MHC HMSC".split()

# --- identifier namespaces -----------------------------------------------------------------------

# Kinds of an EJ's own numbers: each kind has one Identifier.system.
NAMESPACE_KIND: Final = "STRUCTURE UF UAC PLACE NDA VENUE PREADMISSION MOVEMENT".split()

# --- time ----------------------------------------------------------------------------------------

# Time zones of French EJs: the zones of the IANA database that cover France (zone1970.tab).
TIME_ZONE: Final = (
    "Europe/Paris America/Guadeloupe America/Martinique America/Cayenne America/Miquelon "
    "America/St_Barthelemy America/Marigot Indian/Reunion Indian/Mayotte "
    "Pacific/Noumea Pacific/Wallis Pacific/Tahiti Pacific/Marquesas Pacific/Gambier"
).split()
